/* Failure: what comes back when there is no memory or the request makes no sense, and what errno
 * says. */
#include <errno.h>
#include <malloc.h>

#include "conformance.h"
#include "support/testkit.h"

static const size_t too_large = (size_t)PTRDIFF_MAX + 1;
static const size_t page = 4096;

/* The call gives NULL and sets ENOMEM. */
#define RUNS_OUT(call)               \
    do {                             \
        errno = 0;                   \
        HOLDS(opaque(call) == NULL); \
        HOLDS(errno == ENOMEM);      \
    } while (0)

static bool malloc_too_large(void) {
    RUNS_OUT(malloc(opaque_size(too_large)));
    RUNS_OUT(malloc(opaque_size(PTRDIFF_MAX)));
    RUNS_OUT(malloc(opaque_size(SIZE_MAX)));
    RUNS_OUT(malloc(opaque_size(SIZE_MAX - page)));
    RUNS_OUT(malloc(opaque_size(SIZE_MAX - 15)));
    return true;
}

static bool calloc_too_large(void) {
    RUNS_OUT(calloc(opaque_size(too_large), 1));
    RUNS_OUT(calloc(1, opaque_size(SIZE_MAX)));
    return true;
}

static bool calloc_product_overflows(void) {
    RUNS_OUT(calloc(opaque_size(SIZE_MAX / 2 + 1), 2));
    RUNS_OUT(calloc(opaque_size((size_t)1 << 33), (size_t)1 << 33));
    RUNS_OUT(calloc(opaque_size(SIZE_MAX / 16 + 2), 16)); /* the product wraps to 16 */
    RUNS_OUT(calloc(opaque_size(SIZE_MAX), opaque_size(SIZE_MAX)));
    return true;
}

static bool realloc_null_too_large(void) {
    RUNS_OUT(realloc(NULL, opaque_size(too_large)));
    RUNS_OUT(realloc(NULL, opaque_size(SIZE_MAX)));
    return true;
}

static bool realloc_failure_keeps_the_object(void) {
    static const size_t sizes[] = {1, 100, 5000, 40000, 3 * 1024 * 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *p = malloc(sizes[i]);
        pattern_fill(p, sizes[i], i);
        RUNS_OUT(realloc(opaque(p), opaque_size(too_large)));
        RUNS_OUT(realloc(opaque(p), opaque_size(PTRDIFF_MAX)));
        RUNS_OUT(realloc(opaque(p), opaque_size(SIZE_MAX)));
        RUNS_OUT(realloc(opaque(p), opaque_size(SIZE_MAX - 40)));
        HOLDS(pattern_holds(opaque(p), sizes[i], i));
        free(p);
    }
    return true;
}

static bool reallocarray_product_overflows(void) {
    RUNS_OUT(reallocarray(NULL, opaque_size(SIZE_MAX / 2 + 1), 2));
    RUNS_OUT(reallocarray(NULL, opaque_size(SIZE_MAX / 16 + 2), 16));
    void *p = malloc(100);
    pattern_fill(p, 100, 7);
    RUNS_OUT(reallocarray(opaque(p), opaque_size(SIZE_MAX / 16 + 2), 16));
    RUNS_OUT(reallocarray(opaque(p), opaque_size(too_large), 1));
    HOLDS(pattern_holds(opaque(p), 100, 7));
    free(p);
    return true;
}

static bool aligned_alloc_too_large(void) {
    RUNS_OUT(aligned_alloc(64, opaque_size(SIZE_MAX)));
    RUNS_OUT(aligned_alloc(64, opaque_size(SIZE_MAX - 63)));
    RUNS_OUT(aligned_alloc(page, opaque_size(SIZE_MAX - page + 1)));
    RUNS_OUT(aligned_alloc(64, opaque_size(PTRDIFF_MAX)));
    RUNS_OUT(aligned_alloc(64, opaque_size(too_large)));
    return true;
}

static bool memalign_too_large(void) {
    RUNS_OUT(memalign(page, opaque_size(SIZE_MAX)));
    RUNS_OUT(memalign(64, opaque_size(SIZE_MAX - 64)));
    RUNS_OUT(memalign(64, opaque_size(too_large)));
    RUNS_OUT(memalign(16, opaque_size(SIZE_MAX - 8)));
    return true;
}

/* Alignment plus size must not wrap around to something small. */
static bool memalign_sum_overflows(void) {
    for (unsigned bit = 40; bit < 63; bit++) {
        size_t alignment = (size_t)1 << bit;
        RUNS_OUT(memalign(alignment, opaque_size(SIZE_MAX - alignment)));
        RUNS_OUT(memalign(alignment, opaque_size(SIZE_MAX - alignment + 1)));
        RUNS_OUT(memalign(alignment, opaque_size(SIZE_MAX - alignment + 17)));
        RUNS_OUT(memalign(alignment, opaque_size(PTRDIFF_MAX - alignment + 1)));
    }
    return true;
}

static bool largest_alignment_runs_out(void) {
    size_t alignment = SIZE_MAX / 2 + 1;
    RUNS_OUT(memalign(opaque_size(alignment), 16));
    RUNS_OUT(memalign(opaque_size(alignment), 0));
    RUNS_OUT(memalign(opaque_size(alignment), opaque_size(alignment)));
    RUNS_OUT(aligned_alloc(opaque_size(alignment), 1));
    void *p = &p;
    HOLDS(posix_memalign(&p, opaque_size(alignment), 16) == ENOMEM);
    HOLDS(p == &p);
    return true;
}

static bool memalign_beyond_largest_alignment_is_einval(void) {
    errno = 0;
    HOLDS(opaque(memalign(opaque_size(SIZE_MAX / 2 + 2), 16)) == NULL);
    HOLDS(errno == EINVAL);
    errno = 0;
    HOLDS(opaque(memalign(opaque_size(SIZE_MAX), 16)) == NULL);
    HOLDS(errno == EINVAL);
    return true;
}

static bool aligned_alloc_bad_alignment_is_einval(void) {
    static const size_t alignments[] = {0, 3, 24, 48, 100, 4097, SIZE_MAX};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        errno = 0;
        HOLDS(opaque(aligned_alloc(opaque_size(alignments[i]), 64)) == NULL);
        HOLDS(errno == EINVAL);
    }
    return true;
}

static bool posix_memalign_runs_out(void) {
    void *p = &p;
    HOLDS(posix_memalign(&p, 64, opaque_size(SIZE_MAX)) == ENOMEM);
    HOLDS(posix_memalign(&p, 64, opaque_size(SIZE_MAX - 63)) == ENOMEM);
    HOLDS(posix_memalign(&p, 64, opaque_size(PTRDIFF_MAX)) == ENOMEM);
    HOLDS(posix_memalign(&p, page, opaque_size(too_large)) == ENOMEM);
    HOLDS(p == &p);
    return true;
}

static bool posix_memalign_bad_alignment_is_einval(void) {
    static const size_t alignments[] = {0, 1, 2, 3, 4, 6, 7, 12, 24, 48, 100, 4097, SIZE_MAX};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        void *p = &p;
        errno = 1234;
        HOLDS(posix_memalign(&p, opaque_size(alignments[i]), 64) == EINVAL);
        HOLDS(p == &p);
        HOLDS(errno == 1234);
    }
    return true;
}

static bool valloc_too_large(void) {
    RUNS_OUT(valloc(opaque_size(SIZE_MAX)));
    RUNS_OUT(valloc(opaque_size(too_large)));
    RUNS_OUT(valloc(opaque_size(SIZE_MAX - page)));
    return true;
}

static bool pvalloc_rounding_overflows(void) {
    RUNS_OUT(pvalloc(opaque_size(SIZE_MAX)));
    RUNS_OUT(pvalloc(opaque_size(SIZE_MAX - 10)));
    RUNS_OUT(pvalloc(opaque_size(SIZE_MAX - page + 1)));
    RUNS_OUT(pvalloc(opaque_size(SIZE_MAX - page)));
    RUNS_OUT(pvalloc(opaque_size(too_large)));
    RUNS_OUT(pvalloc(opaque_size(PTRDIFF_MAX)));
    return true;
}

static bool heap_is_intact_after_failures(void) {
    HOLDS(malloc_too_large() && memalign_sum_overflows() && pvalloc_rounding_overflows());
    void *p[200];
    for (size_t i = 0; i < 200; i++) {
        p[i] = malloc(i * 97);
        HOLDS(p[i] != NULL);
        pattern_fill(p[i], i * 97, i);
    }
    for (size_t i = 0; i < 200; i++) {
        HOLDS(pattern_holds(p[i], i * 97, i));
        free(p[i]);
    }
    return true;
}

static bool free_keeps_errno(void) {
    static const size_t sizes[] = {
        0, 1, 16, 100, 1024, 5000, 32768, 100000, 200 * 1024, 1024 * 1024, 64 * 1024 * 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *p = malloc(sizes[i]);
        HOLDS(p != NULL);
        memset(p, 1, sizes[i]);
        errno = 4711;
        free(p);
        HOLDS(errno == 4711);
    }
    void *aligned = aligned_alloc(1 << 20, 3 << 20);
    errno = 4711;
    free(aligned);
    HOLDS(errno == 4711);
    errno = 4711;
    free(NULL);
    HOLDS(errno == 4711);
    return true;
}

/* Many frees, so that those are among them which return memory to the system. */
static bool free_keeps_errno_while_memory_goes_back(void) {
    enum { COUNT = 40000 };
    static void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = malloc(1000);
        HOLDS(p[i] != NULL);
    }
    for (size_t i = 0; i < COUNT; i++) {
        errno = (int)i;
        free(p[i]);
        HOLDS(errno == (int)i);
    }
    return true;
}

ROWS(rows_failure, "failure and errno",
     {"malloc: beyond PTRDIFF_MAX gives NULL, ENOMEM", malloc_too_large, ALWAYS},
     {"calloc: beyond PTRDIFF_MAX gives NULL, ENOMEM", calloc_too_large, ALWAYS},
     {"calloc: an overflowing product gives NULL, ENOMEM", calloc_product_overflows, ALWAYS},
     {"realloc(NULL, n): beyond PTRDIFF_MAX gives NULL, ENOMEM", realloc_null_too_large, ALWAYS},
     {"realloc: failure gives NULL, ENOMEM and keeps the object", realloc_failure_keeps_the_object,
      ALWAYS},
     {"reallocarray: an overflowing product gives NULL, ENOMEM, keeps the object",
      reallocarray_product_overflows, ALWAYS},
     {"aligned_alloc: too large gives NULL, ENOMEM", aligned_alloc_too_large, ALWAYS},
     {"memalign: too large gives NULL, ENOMEM", memalign_too_large, ALWAYS},
     {"memalign: alignment + size overflowing gives NULL, ENOMEM", memalign_sum_overflows, ALWAYS},
     {"memalign, aligned_alloc, posix_memalign: the largest power of two is ENOMEM",
      largest_alignment_runs_out, ALWAYS},
     {"memalign: an alignment beyond the largest power of two is EINVAL",
      memalign_beyond_largest_alignment_is_einval, ALWAYS},
     {"aligned_alloc: an alignment that is no power of two is EINVAL",
      aligned_alloc_bad_alignment_is_einval, 238},
     {"posix_memalign: too large returns ENOMEM, *memptr untouched", posix_memalign_runs_out,
      ALWAYS},
     {"posix_memalign: a bad alignment returns EINVAL, *memptr and errno untouched",
      posix_memalign_bad_alignment_is_einval, ALWAYS},
     {"valloc: too large gives NULL, ENOMEM", valloc_too_large, ALWAYS},
     {"pvalloc: overflow of the rounding gives NULL, ENOMEM", pvalloc_rounding_overflows, ALWAYS},
     {"failures leave the heap intact", heap_is_intact_after_failures, ALWAYS},
     {"free: errno is kept, small and large", free_keeps_errno, ALWAYS},
     {"free: errno is kept while memory goes back", free_keeps_errno_while_memory_goes_back,
      ALWAYS});
