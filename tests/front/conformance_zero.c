/* Size zero, and realloc at its edges. */
#include <errno.h>
#include <malloc.h>

#include "conformance.h"
#include "support/testkit.h"

static bool malloc_zero_is_unique(void) {
    enum { COUNT = 1000 };
    void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = malloc(opaque_size(0));
        HOLDS(p[i] != NULL);
        for (size_t j = 0; j < i; j++) {
            HOLDS(p[j] != p[i]);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        free(p[i]);
    }
    return true;
}

/* Two objects of size zero exist at a time, differ, and can be freed. */
#define TWO_OBJECTS(call)            \
    do {                             \
        void *first = opaque(call);  \
        void *second = opaque(call); \
        HOLDS(first != NULL);        \
        HOLDS(second != NULL);       \
        HOLDS(first != second);      \
        free(first);                 \
        free(second);                \
    } while (0)

static bool calloc_zero_is_an_object(void) {
    TWO_OBJECTS(calloc(0, 0));
    TWO_OBJECTS(calloc(0, 8));
    TWO_OBJECTS(calloc(8, 0));
    TWO_OBJECTS(calloc(0, opaque_size(SIZE_MAX)));
    TWO_OBJECTS(calloc(opaque_size(SIZE_MAX), 0));
    return true;
}

static bool realloc_null_zero_is_an_object(void) {
    TWO_OBJECTS(realloc(NULL, opaque_size(0)));
    TWO_OBJECTS(reallocarray(NULL, opaque_size(0), 8));
    TWO_OBJECTS(reallocarray(NULL, 8, opaque_size(0)));
    return true;
}

static bool aligned_zero_is_an_object(void) {
    TWO_OBJECTS(aligned_alloc(64, opaque_size(0)));
    TWO_OBJECTS(memalign(64, opaque_size(0)));
    TWO_OBJECTS(memalign(1 << 20, opaque_size(0)));
    TWO_OBJECTS(valloc(opaque_size(0)));
    TWO_OBJECTS(pvalloc(opaque_size(0)));
    void *p = NULL;
    HOLDS(posix_memalign(&p, 64, opaque_size(0)) == 0);
    HOLDS(p != NULL);
    HOLDS(address(p) % 64 == 0);
    free(p);
    return true;
}

static bool realloc_to_zero_gives_null(void) {
    static const size_t sizes[] = {1, 100, 5000, 100000, 1 << 24};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *p = malloc(sizes[i]);
        errno = 4711;
        HOLDS(opaque(realloc(p, opaque_size(0))) == NULL);
        HOLDS(errno == 4711);
        p = malloc(sizes[i]);
        errno = 4711;
        HOLDS(opaque(reallocarray(p, opaque_size(0), 8)) == NULL);
        HOLDS(errno == 4711);
    }
    return true;
}

/* realloc(p, 0) gives NULL, and if it did not free p, these would be 3.2 GiB. */
static bool realloc_to_zero_frees(void) {
    size_t before = status_bytes("VmRSS:");
    for (unsigned i = 0; i < 200000; i++) {
        char *p = malloc(16384);
        HOLDS(p != NULL);
        p[0] = 1;
        p[8192] = 1;
        HOLDS(opaque(realloc(p, opaque_size(0))) == NULL);
    }
    HOLDS(status_bytes("VmRSS:") < before + 16 * MIB);
    return true;
}

static bool realloc_null_is_malloc(void) {
    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
        char *p = realloc(NULL, opaque_size(size));
        HOLDS(p != NULL);
        HOLDS(address(p) % 16 == 0);
        memset(p, 1, size);
        free(p);
        p = reallocarray(NULL, opaque_size(size), 3);
        HOLDS(p != NULL);
        memset(p, 1, size * 3);
        free(p);
    }
    return true;
}

static bool free_null_is_nothing(void) {
    for (unsigned i = 0; i < 1000; i++) {
        free(opaque(NULL));
    }
    return true;
}

ROWS(rows_zero, "size zero and NULL",
     {"malloc(0): non-NULL, unique, can be freed", malloc_zero_is_unique, ALWAYS},
     {"calloc of zero: non-NULL, unique, can be freed", calloc_zero_is_an_object, ALWAYS},
     {"realloc(NULL, 0): non-NULL, unique, can be freed", realloc_null_zero_is_an_object, ALWAYS},
     {"memalign and kin of size 0, pvalloc(0): non-NULL, unique, can be freed",
      aligned_zero_is_an_object, ALWAYS},
     {"realloc(p, 0): gives NULL, errno kept", realloc_to_zero_gives_null, ALWAYS},
     {"realloc(p, 0): frees p", realloc_to_zero_frees, ALWAYS},
     {"realloc(NULL, n): as malloc", realloc_null_is_malloc, ALWAYS},
     {"free(NULL): nothing", free_null_is_nothing, ALWAYS});
