/* The heap before anything has run: from .preinit_array, from an IFUNC resolver of the program,
 * from the first constructor. Which function comes first is the argument; each must work as the
 * first.
 *
 *   early FUNCTION    one of the names below */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>

#include "support/testkit.h"

static void *kept[16];
static size_t kept_count;
static bool ran_before_constructors;

static void keep(void *p, size_t size) {
    EXPECT(p != NULL);
    pattern_fill(p, size, size);
    kept[kept_count++] = p;
}

static void first_malloc(void) { keep(malloc(100), 100); }

static void first_calloc(void) {
    void *p = calloc(10, 10);
    EXPECT(p != NULL && all_zero(p, 100));
    keep(p, 100);
}

static void first_realloc(void) { keep(realloc(NULL, 100), 100); }

static void first_free(void) {
    errno = 4711;
    free(opaque(NULL));
    EXPECT(errno == 4711);
}

static void first_memalign(void) {
    void *p = memalign(4096, 100);
    EXPECT(address(p) % 4096 == 0);
    keep(p, 100);
}

static void first_posix_memalign(void) {
    void *p = NULL;
    EXPECT(posix_memalign(&p, 64, 100) == 0);
    keep(p, 100);
}

static void first_aligned_alloc(void) { keep(aligned_alloc(64, 100), 100); }

static void first_pvalloc(void) {
    void *p = pvalloc(100);
    EXPECT(address(p) % (size_t)sysconf(_SC_PAGESIZE) == 0);
    keep(p, 100);
}

static void first_valloc(void) { keep(valloc(100), 100); }

static void first_large(void) { keep(malloc(5 * MIB), 5 * MIB); }

static void first_large_calloc(void) {
    void *p = calloc(5, MIB);
    EXPECT(p != NULL && all_zero(p, 5 * MIB));
    keep(p, 5 * MIB);
}

static void first_too_large(void) {
    errno = 0;
    EXPECT(malloc(opaque_size(SIZE_MAX)) == NULL && errno == ENOMEM);
}

static void first_usable_size(void) { EXPECT(malloc_usable_size(opaque(NULL)) == 0); }

static void first_mallinfo(void) {
    struct mallinfo2 info = mallinfo2();
    EXPECT(info.uordblks < 64 * MIB);
}

static void first_trim(void) {
    int released = malloc_trim(0);
    EXPECT(released == 0 || released == 1);
}

static void first_mallopt(void) { EXPECT(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1); }

static void first_stats(void) { malloc_stats(); }

static const struct first {
    const char *name;
    void (*call)(void);
} firsts[] = {
    {"malloc", first_malloc},
    {"calloc", first_calloc},
    {"realloc", first_realloc},
    {"free", first_free},
    {"memalign", first_memalign},
    {"posix_memalign", first_posix_memalign},
    {"aligned_alloc", first_aligned_alloc},
    {"pvalloc", first_pvalloc},
    {"valloc", first_valloc},
    {"large", first_large},
    {"large_calloc", first_large_calloc},
    {"too_large", first_too_large},
    {"malloc_usable_size", first_usable_size},
    {"mallinfo2", first_mallinfo},
    {"malloc_trim", first_trim},
    {"mallopt", first_mallopt},
    {"malloc_stats", first_stats},
};

static void call_first(int count, char **arguments, char **environment) {
    (void)environment;
    ran_before_constructors = true;
    for (size_t i = 0; count > 1 && i < sizeof firsts / sizeof firsts[0]; i++) {
        if (strcmp(firsts[i].name, arguments[1]) == 0) {
            firsts[i].call();
            first_malloc();
            return;
        }
    }
    FAIL("usage: early FUNCTION");
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
                                                                              char **) = call_first;

__attribute__((constructor(101))) static void construct(void) {
    EXPECT(ran_before_constructors);
    first_malloc();
}

int main(void) {
    for (size_t i = 0; i < kept_count; i++) {
        EXPECT(malloc_usable_size(kept[i]) >= 100);
        free(kept[i]);
    }
    for (size_t size = 0; size < 100000; size += 111) {
        free(malloc(size));
    }
    return 0;
}
