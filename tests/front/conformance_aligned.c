/* The aligned functions. */
#include <errno.h>
#include <malloc.h>

#include "conformance.h"
#include "support/testkit.h"

static const size_t aligned_sizes[] = {1, 24, 100, 4000, 33000, 70000, 3 * 1024 * 1024};
enum {
    SIZE_COUNT = sizeof aligned_sizes / sizeof aligned_sizes[0],
    LARGEST_SHIFT = 26 /* 64 MiB */
};

typedef void *(*aligned_function)(size_t alignment, size_t size);

static void *by_posix_memalign(size_t alignment, size_t size) {
    void *p = NULL;
    return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
}

/* Every power of two, several objects of each at a time, none over another. */
static bool every_power_of_two(aligned_function allocate, unsigned first_shift) {
    for (unsigned shift = first_shift; shift <= LARGEST_SHIFT; shift++) {
        size_t alignment = (size_t)1 << shift;
        void *p[SIZE_COUNT][2];
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            for (size_t k = 0; k < 2; k++) {
                p[i][k] = allocate(alignment, aligned_sizes[i]);
                HOLDS(p[i][k] != NULL);
                HOLDS(address(p[i][k]) % alignment == 0);
                HOLDS(address(p[i][k]) % 16 == 0);
                HOLDS(malloc_usable_size(p[i][k]) >= aligned_sizes[i]);
                pattern_fill(p[i][k], aligned_sizes[i], i * 2 + k);
            }
        }
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            for (size_t k = 0; k < 2; k++) {
                HOLDS(pattern_holds(p[i][k], aligned_sizes[i], i * 2 + k));
                free(p[i][k]);
            }
        }
    }
    return true;
}

static bool memalign_powers(void) { return every_power_of_two(memalign, 0); }

static bool aligned_alloc_powers(void) { return every_power_of_two(aligned_alloc, 0); }

static bool posix_memalign_powers(void) { return every_power_of_two(by_posix_memalign, 3); }

static bool memalign_rounds_alignment_up(void) {
    static const size_t alignments[] = {3,  5,  9,   15,   17,   24,    33,
                                        48, 65, 100, 1000, 4097, 70000, 300000};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        size_t power = 1;
        while (power < alignments[i]) {
            power *= 2;
        }
        for (size_t size = 1; size < 100000; size = size * 3 + 1) {
            void *p[8];
            for (size_t k = 0; k < 8; k++) {
                p[k] = memalign(opaque_size(alignments[i]), size);
                HOLDS(p[k] != NULL);
                HOLDS(address(p[k]) % power == 0);
            }
            for (size_t k = 0; k < 8; k++) {
                free(p[k]);
            }
        }
    }
    return true;
}

static bool memalign_tiny_alignments(void) {
    for (size_t alignment = 0; alignment <= 16; alignment++) {
        void *p = memalign(opaque_size(alignment), 50);
        HOLDS(p != NULL);
        HOLDS(address(p) % 16 == 0);
        free(p);
    }
    return true;
}

static bool aligned_alloc_any_size(void) {
    for (size_t size = 1; size < 200; size++) {
        void *p = aligned_alloc(64, opaque_size(size));
        HOLDS(p != NULL);
        HOLDS(address(p) % 64 == 0);
        memset(p, 1, size);
        free(p);
    }
    void *p = aligned_alloc(8192, opaque_size(3));
    HOLDS(p != NULL);
    HOLDS(address(p) % 8192 == 0);
    free(p);
    return true;
}

static bool valloc_is_on_a_page(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t size = 0; size < 300000; size = size * 3 + 1) {
        void *p = valloc(size);
        HOLDS(p != NULL);
        HOLDS(address(p) % page == 0);
        memset(p, 1, size);
        free(p);
    }
    return true;
}

static bool pvalloc_is_whole_pages(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t size = 1; size < 300000; size = size * 3 + 1) {
        size_t whole = (size + page - 1) / page * page;
        void *p = pvalloc(size);
        HOLDS(p != NULL);
        HOLDS(address(p) % page == 0);
        HOLDS(malloc_usable_size(p) >= whole);
        memset(p, 1, whole);
        free(p);
    }
    void *zero = pvalloc(opaque_size(0));
    HOLDS(zero != NULL);
    HOLDS(address(zero) % page == 0);
    free(zero);
    return true;
}

static bool realloc_of_aligned_keeps_content(void) {
    for (size_t alignment = 32; alignment <= MIB; alignment *= 4) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            size_t size = aligned_sizes[i];
            void *p = memalign(alignment, size);
            HOLDS(p != NULL);
            pattern_fill(p, size, i);
            p = realloc(p, size * 2);
            HOLDS(p != NULL);
            HOLDS(pattern_holds(p, size, i));
            p = realloc(p, size / 2 + 1);
            HOLDS(p != NULL);
            HOLDS(pattern_holds(p, size / 2 + 1, i));
            free(p);
        }
    }
    return true;
}

static bool usable_size_of_aligned_is_usable(void) {
    for (size_t alignment = 32; alignment <= 65536; alignment *= 2) {
        for (size_t size = 1; size < 100000; size = size * 5 + 3) {
            void *p[3];
            for (unsigned k = 0; k < 3; k++) {
                p[k] = memalign(alignment, size);
                HOLDS(p[k] != NULL);
                pattern_fill(p[k], malloc_usable_size(p[k]), k);
            }
            for (unsigned k = 0; k < 3; k++) {
                size_t usable = malloc_usable_size(p[k]);
                HOLDS(pattern_holds(p[k], usable, k));
                uintptr_t place = address(p[k]);
                void *same = realloc(p[k], usable);
                HOLDS(address(same) == place);
                free(same);
            }
        }
    }
    return true;
}

/* An aligned object of a dirty heap, made zero by nobody: only its place is promised. Many of them
 * in a mix with plain ones must still not overlap. */
static bool aligned_among_plain(void) {
    enum { COUNT = 2000 };
    static void *p[COUNT];
    static size_t sizes[COUNT];
    uint64_t random = 42;
    for (size_t i = 0; i < COUNT; i++) {
        size_t alignment = (size_t)16 << (random_next(&random) % 10);
        sizes[i] = random_next(&random) % 3000;
        p[i] = i % 2 == 0 ? malloc(sizes[i]) : aligned_alloc(alignment, sizes[i]);
        HOLDS(p[i] != NULL);
        HOLDS(i % 2 == 0 || address(p[i]) % alignment == 0);
        pattern_fill(p[i], sizes[i], i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        HOLDS(pattern_holds(p[i], sizes[i], i));
        free(p[i]);
    }
    return true;
}

ROWS(rows_aligned, "alignment on demand",
     {"memalign: every power of two to 64 MiB", memalign_powers, ALWAYS},
     {"aligned_alloc: every power of two to 64 MiB", aligned_alloc_powers, ALWAYS},
     {"posix_memalign: every power of two to 64 MiB", posix_memalign_powers, ALWAYS},
     {"memalign: any other alignment is rounded up to a power of two", memalign_rounds_alignment_up,
      ALWAYS},
     {"memalign: alignments 0 to 16 give 16", memalign_tiny_alignments, ALWAYS},
     {"aligned_alloc: the size need not be a multiple", aligned_alloc_any_size, ALWAYS},
     {"valloc: on a page boundary", valloc_is_on_a_page, ALWAYS},
     {"pvalloc: whole pages on a page boundary", pvalloc_is_whole_pages, ALWAYS},
     {"realloc of an aligned object: content kept", realloc_of_aligned_keeps_content, ALWAYS},
     {"malloc_usable_size of an aligned object: writable, realloc to it stays",
      usable_size_of_aligned_is_usable, ALWAYS},
     {"aligned and plain objects do not overlap", aligned_among_plain, ALWAYS});
