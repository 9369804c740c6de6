// The public functions of <cairn/cairn.h>, in a program that is linked with the library.
#include <cairn/cairn.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>

#include "support/testkit.h"

static void both_families_are_one_heap(void) {
    for (size_t size = 1; size < 3 * MIB; size = size * 2 + 1) {
        void *p = cairn_malloc(size);
        EXPECT(p != NULL && address(p) % 16 == 0 && malloc_usable_size(p) >= size);
        p = realloc(p, size + 100);
        EXPECT(p != NULL && cairn_usable_size(p) >= size + 100);
        cairn_free(p);
        p = malloc(size);
        p = cairn_realloc(p, 2 * size + 1);
        EXPECT(p != NULL);
        free(p);
        p = cairn_calloc(3, size);
        EXPECT(p != NULL && all_zero(p, 3 * size));
        cairn_free(p);
    }
    void *empty = cairn_malloc(opaque_size(0));
    EXPECT(empty != NULL && cairn_usable_size(empty) == 16);
    cairn_free(empty);
    cairn_free(NULL);
    EXPECT(cairn_usable_size(NULL) == 0);
    errno = 4711;
    EXPECT(cairn_realloc(cairn_malloc(10), opaque_size(0)) == NULL && errno == 4711);
}

static void failures_say_why(void) {
    size_t too_large = opaque_size(SIZE_MAX / 2 + 1);
    errno = 0;
    EXPECT(opaque(cairn_malloc(too_large)) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(opaque(cairn_calloc(too_large, 2)) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(opaque(cairn_aligned_alloc(opaque_size(48), 10)) == NULL && errno == EINVAL);
    errno = 0;
    EXPECT(opaque(cairn_aligned_alloc(64, too_large)) == NULL && errno == ENOMEM);
    void *p = cairn_malloc(100);
    errno = 0;
    EXPECT(opaque(cairn_realloc(p, too_large)) == NULL && errno == ENOMEM);
    cairn_free(p);
}

static void aligned_is_aligned(void) {
    for (size_t alignment = 1; alignment <= 8 * MIB; alignment *= 2) {
        void *p = cairn_aligned_alloc(alignment, 100);
        EXPECT(p != NULL && address(p) % alignment == 0);
        cairn_free(p);
    }
}

static void good_sizes_are_what_one_gets(void) {
    for (size_t size = 0; size < 5 * MIB; size = size < 70000 ? size + 7 : size * 2) {
        size_t good = cairn_good_size(size);
        void *p = cairn_malloc(size);
        EXPECT(good >= size && cairn_usable_size(p) == good);
        EXPECT(cairn_good_size(good) == good);
        cairn_free(p);
    }
    EXPECT(cairn_good_size(SIZE_MAX) == 0 && cairn_good_size(SIZE_MAX / 2 + 1) == 0);
}

static void it_knows_its_own(void) {
    int on_the_stack = 0;
    char *small = cairn_malloc(100), *large = cairn_malloc(3 * MIB);
    EXPECT(cairn_is_mine(small) && cairn_is_mine(large));
    EXPECT(!cairn_is_mine(small + 1) && !cairn_is_mine(large + 65536));
    EXPECT(!cairn_is_mine(NULL) && !cairn_is_mine(&on_the_stack) && !cairn_is_mine(cairn_version));
    EXPECT(!cairn_is_mine((void *)~(uintptr_t)0));
    const void *was_small = opaque(small), *was_large = opaque(large);
    cairn_free(small);
    cairn_free(large);
    EXPECT(!cairn_is_mine(was_small) && !cairn_is_mine(was_large));
}

static void purging_gives_back(void) {
    enum { COUNT = 20000 };
    static char *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = cairn_malloc(1000);
        memset(p[i], 1, 1000);
    }
    size_t full = status_bytes("VmRSS:");
    for (size_t i = 0; i < COUNT; i++) {
        cairn_free(p[i]);
    }
    (void)cairn_purge();
    EXPECT(status_bytes("VmRSS:") + 15 * MIB < full);
    EXPECT(cairn_purge() == 0);
}

static void at_least_tells_all(void) {
    for (size_t size = 0; size < 5 * MIB; size = size < 40000 ? size + 13 : size * 2) {
        struct cairn_sized object = cairn_malloc_at_least(size);
        EXPECT(object.pointer != NULL && object.size >= size);
        EXPECT(object.size == cairn_usable_size(object.pointer));
        memset(object.pointer, 1, object.size);
        cairn_free_sized(object.pointer, object.size);
    }
    errno = 0;
    struct cairn_sized none = cairn_malloc_at_least(opaque_size(SIZE_MAX));
    EXPECT(none.pointer == NULL && none.size == 0 && errno == ENOMEM);
}

static void expanding_never_moves(void) {
    char *small = cairn_malloc(100), *large = cairn_malloc(3 * MIB);
    EXPECT(cairn_expand(small, cairn_usable_size(small)) && cairn_expand(small, 0));
    EXPECT(!cairn_expand(small, cairn_usable_size(small) + 1) && !cairn_expand(NULL, 1));
    large[100 * KIB - 1] = 7;
    EXPECT(cairn_expand(large, 100 * KIB) && cairn_usable_size(large) < 101 * KIB);
    EXPECT(large[100 * KIB - 1] == 7 && !cairn_expand(large, SIZE_MAX));
    while (cairn_expand(large, cairn_usable_size(large) + 1)) {
        large[cairn_usable_size(large) - 1] = 7;
        if (cairn_usable_size(large) > 2 * MIB) {
            break;
        }
    }
    EXPECT(large[cairn_usable_size(large) - 1] == 7);
    cairn_free(small);
    cairn_free(large);
}

static void what_is_added_is_zero(void) {
    char *array = cairn_recalloc(NULL, 0, 10, 7);
    EXPECT(array != NULL && all_zero(array, 70));
    for (size_t count = 10; count < 3 * MIB; count = count * 3 / 2) {
        size_t next = count * 3 / 2;
        memset(array, 1, cairn_usable_size(array));
        array = cairn_recalloc(array, count, next, 7);
        EXPECT(array != NULL && array[count * 7 - 1] == 1);
        EXPECT(all_zero(array + count * 7, (next - count) * 7));
        array = cairn_recalloc(array, next, next - 1, 7);
        array = cairn_recalloc(array, next - 1, next, 7);
        EXPECT(array != NULL && array[count * 7 - 1] == 1 && array[next * 7 - 1] == 0);
    }
    errno = 0;
    EXPECT(opaque(cairn_recalloc(array, 1, opaque_size(SIZE_MAX / 2), 3)) == NULL &&
           errno == ENOMEM);
    EXPECT(cairn_is_mine(array));
    errno = 4711;
    EXPECT(cairn_recalloc(array, 1, opaque_size(0), 7) == NULL && errno == 4711);
    EXPECT(cairn_recalloc(opaque(cairn_malloc(5)), 3, 3, opaque_size(0)) == NULL);
}

static void sizes_are_believed_if_they_can_be_true(void) {
    for (size_t size = 0; size < 2 * MIB; size = size < 40000 ? size + 501 : size * 2) {
        cairn_free_sized(cairn_malloc(size), size);
        cairn_free_sized(cairn_malloc(size), cairn_good_size(size));
        cairn_free_sized(cairn_aligned_alloc(4096, size), size);
        cairn_free_sized(malloc(size + 1), size);
    }
    cairn_free_sized(NULL, 0);
    cairn_free_sized(NULL, SIZE_MAX);
}

static void batches_are_objects_like_others(void) {
    enum { COUNT = 1000 };
    static void *batch[2 * COUNT];
    for (size_t size = 0; size < 200 * KIB; size = size * 2 + 24) {
        size_t count = size > 16 * KIB ? 10 : COUNT;
        EXPECT(cairn_malloc_batch(size, count, batch) == count);
        EXPECT(cairn_malloc_batch(size, count, batch + count) == count);
        for (size_t i = 0; i < 2 * count; i++) {
            EXPECT(cairn_usable_size(batch[i]) == cairn_good_size(size));
            memset(batch[i], (int)i, size);
        }
        for (size_t i = 0; i < 2 * count; i++) {
            EXPECT(size == 0 || (*(unsigned char *)batch[i] == (i & 255) &&
                                 ((unsigned char *)batch[i])[size - 1] == (i & 255)));
            if (i % 5 == 0) {
                free(batch[i]);
                batch[i] = i % 10 == 0 ? NULL : malloc(i);
            }
        }
        cairn_free_batch(batch, 2 * count);
        EXPECT(!cairn_is_mine(batch[1]));
    }
    cairn_free_batch(NULL, 0);
    EXPECT(cairn_malloc_batch(64, 0, NULL) == 0);
    errno = 0;
    EXPECT(cairn_malloc_batch(SIZE_MAX, 3, batch) == 0 && errno == ENOMEM);
}

static void find(const char *name, void *function) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (symbol == NULL) {
        FAIL("%s is not there", name);
    }
    memcpy(function, &symbol, sizeof symbol);
}

// Names that compilers call and no header has: the token in the name, and new that tells the size.
static void compilers_names_share_the_heap(void) {
    struct sized {
        void *pointer;
        size_t size;
    };
    for (int token = 0; token < 4; token++) {
        char name[] = "__alloc_token_N_malloc", operator_new[] = "__alloc_token_N__Znwm";
        void *(*allocate)(size_t);
        name[14] = operator_new[14] = (char)('0' + token);
        find(name, &allocate);
        cairn_free(allocate(500));
        find(operator_new, &allocate);
        cairn_free(allocate(500));
    }
    struct sized (*new_sized)(size_t);
    struct sized (*new_sized_aligned)(size_t, size_t);
    find("__size_returning_new", &new_sized);
    find("__size_returning_new_aligned", &new_sized_aligned);
    struct sized result = new_sized(1000);
    EXPECT(result.size == cairn_good_size(1000) && cairn_is_mine(result.pointer));
    memset(result.pointer, 1, result.size);
    cairn_free(result.pointer);
    result = new_sized_aligned(1000, 256);
    EXPECT(result.size >= 1000 && address(result.pointer) % 256 == 0);
    memset(result.pointer, 1, result.size);
    cairn_free(result.pointer);
}

int main(void) {
    both_families_are_one_heap();
    failures_say_why();
    aligned_is_aligned();
    good_sizes_are_what_one_gets();
    it_knows_its_own();
    purging_gives_back();
    compilers_names_share_the_heap();
    at_least_tells_all();
    expanding_never_moves();
    what_is_added_is_zero();
    sizes_are_believed_if_they_can_be_true();
    batches_are_objects_like_others();
    EXPECT(strchr(cairn_version(), '.') != NULL);
    return 0;
}
