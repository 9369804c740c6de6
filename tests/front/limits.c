/* Limits as a program sees them.
 *
 *   limits api        through <cairn/limits.h>
 *   limits options    set by CAIRN_SOFT_LIMIT=24M and CAIRN_HARD_LIMIT=64M
 *   limits none       no option, or one that makes no sense */
#include <cairn/limits.h>
#include <errno.h>

#include "lifecycle/threads.h"

enum { OBJECTS = 70000 };
static void *objects[OBJECTS];

static size_t allocate_until_refused(size_t size) {
    size_t count = 0;
    errno = 0;
    while (count < OBJECTS && (objects[count] = malloc(size)) != NULL) {
        memset(objects[count++], 1, size);
    }
    EXPECT(count == OBJECTS || errno == ENOMEM);
    return count;
}

static void free_all(size_t count) {
    while (count > 0) {
        free(objects[--count]);
    }
}

static void expect_limited(size_t hard) {
    for (size_t size = 1000; size < 2 * MIB; size *= 7) {
        size_t count = allocate_until_refused(size);
        EXPECT(cairn_held_bytes() <= hard);
        EXPECT(count * size > hard / 2 && count * size <= hard);
        free_all(count);
    }
    errno = 0;
    EXPECT(calloc(opaque_size(hard), 2) == NULL && errno == ENOMEM);
    EXPECT(opaque(cairn_aligned_alloc(MIB, hard)) == NULL);
}

/* What is free is given back as far as the soft limit says. */
static void expect_lean(size_t soft) {
    size_t before = status_bytes("VmRSS:");
    size_t count = 0;
    for (; count < 40 * MIB / 1000; count++) {
        objects[count] = malloc(1000);
        memset(objects[count], 1, 1000);
    }
    EXPECT(cairn_held_bytes() > soft);
    for (size_t i = 0; i < count; i++) {
        free(objects[i]);
        objects[i] = NULL;
    }
    EXPECT(cairn_held_bytes() <= soft);
    EXPECT(status_bytes("VmRSS:") <= before + soft);
}

static enum cairn_limit_answer drop_one(void *context, size_t bytes) {
    size_t *left = context;
    EXPECT(bytes == MIB);
    if (*left == 0) {
        return CAIRN_LIMIT_REFUSE;
    }
    free(objects[--*left]);
    return CAIRN_LIMIT_RETRY;
}

static void expect_handler(void) {
    size_t left = allocate_until_refused(MIB), dropped = 0;
    cairn_set_limit_handler(drop_one, &left);
    size_t all = left;
    for (void *object; (object = malloc(MIB)) != NULL; dropped++) {
        EXPECT(left < all - dropped);
        objects[all + dropped] = object;
    }
    EXPECT(left == 0);
    cairn_set_limit_handler(NULL, NULL);
    EXPECT(dropped > 10);
}

static void use_api(void) {
    EXPECT(cairn_soft_limit() == 0 && cairn_hard_limit() == 0);
    cairn_set_hard_limit(50 * MIB + 1);
    EXPECT(cairn_hard_limit() == 50 * MIB);
    expect_limited(50 * MIB);
    cairn_set_hard_limit(0);
    cairn_set_soft_limit(4 * MIB);
    EXPECT(cairn_soft_limit() == 4 * MIB);
    expect_lean(4 * MIB);
    cairn_set_soft_limit(0);
    cairn_set_hard_limit(50 * MIB);
    expect_handler();
    cairn_set_hard_limit(0);
    void *large = malloc(80 * MIB);
    EXPECT(large != NULL);
    free(large);
    cairn_set_hard_limit(1); /* less than a chunk is not "none" */
    EXPECT(cairn_hard_limit() > 0);
    EXPECT(malloc(opaque_size(MIB)) == NULL);
    cairn_set_hard_limit(0);
    cairn_thread_idle();
}

int main(int count, char **arguments) {
    EXPECT(count == 2);
    if (strcmp(arguments[1], "api") == 0) {
        use_api();
    } else if (strcmp(arguments[1], "options") == 0) {
        EXPECT(cairn_soft_limit() == 24 * MIB && cairn_hard_limit() == 64 * MIB);
        expect_lean(24 * MIB);
        expect_limited(64 * MIB);
    } else {
        EXPECT(cairn_soft_limit() == 0 && cairn_hard_limit() == 0);
    }
    return 0;
}
