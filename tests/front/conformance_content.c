/* Content: what the bytes of an object are after malloc, calloc and realloc, and how many there
 * are. */
#include <errno.h>
#include <malloc.h>

#include "conformance.h"
#include "support/testkit.h"

static bool sixteen_byte_alignment(void) {
    for (size_t size = 0; size <= 20000; size += size < 2100 ? 1 : 97) {
        void *p[3] = {malloc(size), calloc(1, size), realloc(malloc(1), size + 1)};
        for (size_t i = 0; i < 3; i++) {
            HOLDS(p[i] != NULL);
            HOLDS(address(p[i]) % 16 == 0);
        }
        for (size_t i = 0; i < 3; i++) {
            free(p[i]);
        }
    }
    for (size_t size = 20000; size < 64 * MIB; size = size * 5 / 4 + 1) {
        void *p = malloc(size);
        HOLDS(p != NULL);
        HOLDS(address(p) % 16 == 0);
        free(p);
    }
    return true;
}

/* Everything that malloc_usable_size grants may be written, and the neighbours do not notice. */
static bool usable_size_is_usable(void) {
    for (size_t size = 0; size <= 70000; size = size < 300 ? size + 1 : size * 9 / 8) {
        unsigned char *p[4];
        size_t usable[4];
        for (unsigned i = 0; i < 4; i++) {
            p[i] = malloc(size);
            HOLDS(p[i] != NULL);
            usable[i] = malloc_usable_size(p[i]);
            HOLDS(usable[i] >= size);
            memset(p[i], (int)i, usable[i]);
        }
        for (unsigned i = 0; i < 4; i++) {
            HOLDS(malloc_usable_size(p[i]) == usable[i]);
            for (size_t k = 0; k < usable[i]; k++) {
                HOLDS(p[i][k] == i);
            }
        }
        for (unsigned i = 0; i < 4; i++) {
            free(p[i]);
        }
    }
    return true;
}

static bool usable_size_is_stable(void) {
    void *p = malloc(100);
    void *large = malloc(300000);
    size_t usable = malloc_usable_size(p);
    size_t usable_large = malloc_usable_size(large);
    for (size_t i = 0; i < 10000; i++) {
        free(malloc(i * 11 % 5000));
        HOLDS(malloc_usable_size(p) == usable);
    }
    (void)malloc_trim(0);
    HOLDS(malloc_usable_size(p) == usable);
    HOLDS(malloc_usable_size(large) == usable_large);
    free(p);
    free(large);
    return true;
}

static bool usable_size_of_null_is_zero(void) {
    HOLDS(malloc_usable_size(NULL) == 0);
    return true;
}

/* Of the size class; under a profile that guards it, what was asked for. */
static bool usable_size_is_the_documented_class(void) {
    const char *profile = getenv("CAIRN_PROFILE");
    bool is_guarded = profile != NULL && strcmp(profile, "fast") != 0;
    for (size_t size = 0; size <= 70000; size += size < 17000 ? 1 : 61) {
        void *p = malloc(size);
        HOLDS(malloc_usable_size(p) == (is_guarded ? size : documented_class(size)));
        free(p);
    }
    return true;
}

static bool realloc_to_usable_size_stays_from(size_t first, size_t last) {
    for (size_t size = first; size < last; size = size < 2000 ? size + 7 : size * 4 / 3) {
        void *p = malloc(size);
        void *neighbour = malloc(size);
        uintptr_t place = address(p);
        size_t usable = malloc_usable_size(p);
        void *q = realloc(p, usable);
        HOLDS(address(q) == place);
        HOLDS(malloc_usable_size(q) >= usable);
        free(q);
        free(neighbour);
    }
    return true;
}

static bool realloc_to_usable_size_stays(void) {
    return realloc_to_usable_size_stays_from(1, 100 * KIB);
}

/* glibc 2.36 asks for one page more than it has and moves objects that it mapped one by one. */
static bool realloc_to_usable_size_stays_large(void) {
    return realloc_to_usable_size_stays_from(100 * KIB, 100 * MIB);
}

static bool calloc_fresh_is_zero(void) {
    for (size_t size = 1; size < 40 * MIB; size = size * 7 / 5 + 1) {
        void *p = calloc(1, size);
        HOLDS(p != NULL);
        HOLDS(all_zero(p, size));
        void *q = calloc(size, 3);
        HOLDS(q != NULL);
        HOLDS(all_zero(q, size * 3));
        free(p);
        free(q);
    }
    return true;
}

/* Freed memory full of ones must come back from calloc as zeros, whichever way it travelled. */
static bool calloc_reused_is_zero(void) {
    enum { COUNT = 64 };
    void *p[COUNT];
    for (size_t size = 1; size < 300000; size = size < 200 ? size + 9 : size * 3 / 2) {
        for (unsigned round = 0; round < 3; round++) {
            for (size_t i = 0; i < COUNT; i++) {
                p[i] = malloc(size);
                HOLDS(p[i] != NULL);
                memset(p[i], 0xff, malloc_usable_size(p[i]));
            }
            for (size_t i = 0; i < COUNT; i++) {
                free(p[i]);
            }
            if (round == 2) {
                (void)malloc_trim(0);
            }
            for (size_t i = 0; i < COUNT; i++) {
                p[i] = calloc(1, size);
                HOLDS(p[i] != NULL);
                HOLDS(all_zero(p[i], size));
                memset(p[i], 0xff, size);
            }
            for (size_t i = 0; i < COUNT; i++) {
                free(p[i]);
            }
        }
    }
    return true;
}

/* Small objects, freed, become part of a large one and the other way round. */
static bool calloc_across_kinds_is_zero(void) {
    enum { COUNT = 20000 };
    static void *p[COUNT];
    for (unsigned round = 0; round < 4; round++) {
        size_t small = (size_t)48 << round;
        for (size_t i = 0; i < COUNT; i++) {
            p[i] = calloc(1, small);
            HOLDS(p[i] != NULL);
            HOLDS(all_zero(p[i], small));
            memset(p[i], 0xff, small);
        }
        for (size_t i = 0; i < COUNT; i++) {
            free(p[i]);
        }
        for (size_t size = 64 * KIB; size < 16 * MIB; size *= 2) {
            void *large = calloc(1, size);
            HOLDS(large != NULL);
            HOLDS(all_zero(large, size));
            memset(large, 0xff, size);
            free(large);
        }
    }
    return true;
}

/* A large calloc reads as zero also where an earlier large object was grown or cut in place. */
static bool calloc_after_realloc_is_zero(void) {
    for (unsigned round = 0; round < 8; round++) {
        char *p = malloc(8 * MIB);
        memset(p, 0xff, 8 * MIB);
        p = realloc(p, 1 * MIB);
        void *q = calloc(1, 6 * MIB);
        HOLDS(p != NULL && q != NULL);
        HOLDS(all_zero(q, 6 * MIB));
        memset(q, 0xff, 6 * MIB);
        p = realloc(p, 16 * MIB);
        HOLDS(p != NULL);
        free(q);
        q = calloc(1, 7 * MIB);
        HOLDS(q != NULL);
        HOLDS(all_zero(q, 7 * MIB));
        free(p);
        free(q);
    }
    return true;
}

static bool realloc_carries(size_t from, size_t to) {
    void *p = malloc(from);
    HOLDS(p != NULL);
    pattern_fill(p, from, from + to);
    void *q = realloc(p, to);
    HOLDS(q != NULL);
    HOLDS(malloc_usable_size(q) >= to);
    HOLDS(pattern_holds(q, from < to ? from : to, from + to));
    memset(q, 0x5a, to);
    free(q);
    return true;
}

static bool realloc_keeps_content(void) {
    static const size_t sizes[] = {1,    16,      17,      100,     128,     129,    1000,
                                   4096, 30000,   32768,   32769,   65536,   100000, MIB - 1,
                                   MIB,  MIB + 1, 3 * MIB, 9 * MIB, 40 * MIB};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            HOLDS(realloc_carries(sizes[i], sizes[j]));
        }
    }
    return true;
}

static bool realloc_grows_step_by_step(void) {
    char *p = malloc(1);
    p[0] = 0;
    for (size_t size = 2; size < 60000; size++) {
        p = realloc(p, size);
        HOLDS(p != NULL);
        p[size - 1] = (char)(size - 1);
    }
    for (size_t i = 0; i < 59999; i++) {
        HOLDS(p[i] == (char)i);
    }
    for (size_t size = 59999; size > 0; size--) {
        p = realloc(p, size);
        HOLDS(p != NULL);
        HOLDS(p[size - 1] == (char)(size - 1));
    }
    free(p);
    return true;
}

/* Two large objects grow in turns, so that neither can always stay where it is. */
static bool realloc_grows_large_in_turns(void) {
    size_t size = 300000;
    size_t filled = size;
    char *p = malloc(size);
    char *q = malloc(size);
    pattern_fill(p, filled, 1);
    pattern_fill(q, filled, 2);
    while (size < 100 * MIB) {
        size = size * 2 + 4097;
        p = realloc(p, size);
        q = realloc(q, size);
        HOLDS(p != NULL && q != NULL);
        HOLDS(pattern_holds(p, filled, 1));
        HOLDS(pattern_holds(q, filled, 2));
        filled = size < 8 * MIB ? size : 8 * MIB;
        pattern_fill(p, filled, 1);
        pattern_fill(q, filled, 2);
        if (filled < size) {
            p[size - 1] = 1;
            q[size - 1] = 1;
        }
    }
    free(p);
    free(q);
    return true;
}

static bool reallocarray_keeps_content(void) {
    unsigned *p = NULL;
    for (unsigned n = 1; n < 20000; n += 1 + n / 10) {
        p = reallocarray(p, n, sizeof *p);
        HOLDS(p != NULL);
        p[n - 1] = n;
        HOLDS(p[0] == 1);
    }
    free(p);
    return true;
}

ROWS(rows_content, "content, alignment and usable size",
     {"malloc, calloc, realloc: 16-byte alignment at every size", sixteen_byte_alignment, ALWAYS},
     {"malloc_usable_size: at least the request, all of it writable", usable_size_is_usable,
      ALWAYS},
     {"malloc_usable_size: stable", usable_size_is_stable, ALWAYS},
     {"malloc_usable_size(NULL): 0", usable_size_of_null_is_zero, ALWAYS},
     {"malloc_usable_size: the documented size class", usable_size_is_the_documented_class,
      CAIRN_ONLY},
     {"realloc(p, malloc_usable_size(p)): stays in place", realloc_to_usable_size_stays, ALWAYS},
     {"realloc(p, malloc_usable_size(p)): stays in place, large objects",
      realloc_to_usable_size_stays_large, CAIRN_ONLY},
     {"calloc: zero when fresh", calloc_fresh_is_zero, ALWAYS},
     {"calloc: zero when reused", calloc_reused_is_zero, ALWAYS},
     {"calloc: zero when small memory becomes large and back", calloc_across_kinds_is_zero, ALWAYS},
     {"calloc: zero where a large object was cut or grown", calloc_after_realloc_is_zero, ALWAYS},
     {"realloc: content kept between all kinds of size", realloc_keeps_content, ALWAYS},
     {"realloc: content kept, byte by byte up and down", realloc_grows_step_by_step, ALWAYS},
     {"realloc: content kept, two large objects in turns", realloc_grows_large_in_turns, ALWAYS},
     {"reallocarray: content kept", reallocarray_keeps_content, ALWAYS});
