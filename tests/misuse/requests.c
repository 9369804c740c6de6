/* Requests of sizes that no object can have, and use of objects of no size. */
#include <limits.h>
#include <malloc.h>

#include "misuse.h"

/* Such a request must fail, and the heap must serve others afterwards. */
static _Noreturn void must_fail(const void *object) {
    if (object != NULL) {
        silent("an object came back");
    }
    judge_sound(100);
}

static void calloc_product(size_t size, long shift) {
    (void)size;
    /* 2^62 * 4 is 0 in 64 bits; with one more it is 4. */
    must_fail(calloc(opaque_size(((size_t)1 << 62) + (size_t)shift), 4));
}

static void reallocarray_product(size_t size, long argument) {
    (void)size;
    (void)argument;
    size_t kept = take(100);
    void *object = reallocarray(opaque(spans[kept].start), opaque_size(((size_t)1 << 62) + 1), 4);
    must_fail(object);
}

static void new_malloc(size_t size, long request) {
    (void)size;
    must_fail(malloc(opaque_size((size_t)request)));
}

static void new_calloc(size_t size, long request) {
    (void)size;
    must_fail(calloc(1, opaque_size((size_t)request)));
}

static void grow(size_t size, long request) {
    (void)size;
    size_t kept = take(100);
    must_fail(realloc(opaque(spans[kept].start), opaque_size((size_t)request)));
}

static void align(size_t size, long request) {
    (void)size;
    must_fail(aligned_alloc(4096, opaque_size((size_t)request)));
}

static void align_posix(size_t size, long request) {
    (void)size;
    void *object = NULL;
    must_fail(posix_memalign(&object, 64, opaque_size((size_t)request)) == 0 ? object : NULL);
}

static void align_to_odd(size_t size, long alignment) {
    (void)size;
    void *object = NULL;
    must_fail(posix_memalign(&object, opaque_size((size_t)alignment), 100) == 0 ? object : NULL);
}

static void align_much(size_t size, long request) {
    (void)size;
    must_fail(memalign(opaque_size((size_t)1 << 62), opaque_size((size_t)request)));
}

static void pages(size_t size, long request) {
    (void)size;
    must_fail(pvalloc(opaque_size((size_t)request)));
}

static void page(size_t size, long request) {
    (void)size;
    must_fail(valloc(opaque_size((size_t)request)));
}

/* --- objects of no size: the next thing behind them is another's ------------------------------ */

enum { WRITE = 1 << 16, BY_CALLOC = 1 << 17, BY_REALLOC = 1 << 18 };

static char *object_of_none(long how) {
    void *object;
    if ((how & BY_CALLOC) != 0) {
        object = calloc(opaque_size(0), 8);
    } else if ((how & BY_REALLOC) != 0) {
        object = realloc(NULL, opaque_size(0));
    } else {
        object = malloc(opaque_size(0));
    }
    return opaque(object);
}

static void use_none(size_t size, long how) {
    static char *none[64];
    static char seen[64];
    (void)size;
    size_t amount = (size_t)(how & 0xffff);
    for (size_t i = 0; i < 64; i++) {
        none[i] = object_of_none(how);
        (void)take(16);
    }
    /* The one that lies closest before an object. */
    char *start = none[0];
    uintptr_t least = UINTPTR_MAX;
    for (size_t i = 0; i < 64; i++) {
        for (size_t j = 0; j < span_count; j++) {
            uintptr_t distance = address(spans[j].start) - address(none[i]);
            if (spans[j].start > none[i] && distance < least) {
                least = distance;
                start = none[i];
            }
        }
    }
    if (start == NULL) {
        prevented();
    }
    access_begin();
    if ((how & WRITE) != 0) {
        store(start, amount, 'A');
    } else {
        load(seen, start, amount);
    }
    access_end();
    for (size_t i = 0; (how & WRITE) == 0 && i < span_count; i++) {
        if (contains(seen, amount, spans[i].start)) {
            silent("another object was read");
        }
    }
    free(opaque(start));
    judge_others(16);
}

#define FAILS(name, function, argument) \
    { name, function, argument, NO_SIZE, RULE_NULL }
#define NONE(name, how) \
    { name, use_none, how, NO_SIZE, RULE_OTHERS }

static const struct kind kinds[] = {
    FAILS("calloc-product-is-0", calloc_product, 0),
    FAILS("calloc-product-is-4", calloc_product, 1),
    FAILS("reallocarray-product-is-4", reallocarray_product, 0),
    FAILS("malloc-minus-1", new_malloc, -1),
    FAILS("malloc-minus-4096", new_malloc, -4096),
    FAILS("malloc-ptrdiff-max-and-1", new_malloc, LONG_MIN),
    FAILS("calloc-minus-1", new_calloc, -1),
    FAILS("realloc-to-minus-1", grow, -1),
    FAILS("realloc-to-minus-4096", grow, -4096),
    FAILS("aligned-alloc-minus-4096", align, -4096),
    FAILS("posix-memalign-minus-1", align_posix, -1),
    FAILS("posix-memalign-to-24", align_to_odd, 24),
    FAILS("posix-memalign-to-0", align_to_odd, 0),
    FAILS("memalign-to-2-to-the-62", align_much, LONG_MAX),
    FAILS("pvalloc-minus-1", pages, -1),
    FAILS("valloc-minus-1", page, -1),
    NONE("write-1-of-0", 1 | WRITE),
    NONE("write-16-of-0", 16 | WRITE),
    NONE("write-32-of-0", 32 | WRITE),
    NONE("write-32-of-calloc-0", 32 | WRITE | BY_CALLOC),
    NONE("write-32-of-realloc-0", 32 | WRITE | BY_REALLOC),
    NONE("read-1-of-0", 1),
    NONE("read-32-of-0", 32),
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
