/* The C++ operators, by their Itanium names, in C and without a C++ runtime.
 *
 * A sized or aligned delete knows the object as well as a plain one does, so size and alignment are
 * not looked at.  All deletes are reported as "delete". */
#include "front/cxx.h"

#include "base/bits.h"
#include "front/cxx_runtime.h"

/* --- out of memory ---------------------------------------------------------------------------- */

/* The standard's loop: the new handler makes room, or throws, or takes itself off. */
static SLOW_PATH void *try_again(size_t size, size_t alignment) {
    for (;;) {
        void (*handler)(void) = cxx_new_handler();
        if (handler == NULL) {
            cxx_throw_bad_alloc(size);
        }
        handler();
        void *object = allocate_aligned(alignment, size);
        if (object != NULL) {
            return object;
        }
    }
}

/* The same for the nothrow forms where there is no runtime's form to catch what the handler throws
 * (a static program): then that leaves the nothrow operator, which ends most programs. */
static SLOW_PATH void *try_again_uncaught(size_t size, size_t alignment) {
    for (;;) {
        void (*handler)(void) = cxx_new_handler();
        if (handler == NULL) {
            return NULL;
        }
        handler();
        void *object = allocate_aligned(alignment, size);
        if (object != NULL) {
            return object;
        }
    }
}

void *new_slow(size_t size) {
    void *object = allocate_slow(size);
    return likely(object != NULL) ? object : try_again(size, GRANULE);
}

void *new_slow_nothrow(size_t size) {
    void *object = allocate_slow(size);
    if (likely(object != NULL) || cxx_new_handler() == NULL) {
        return object;
    }
    cxx_nothrow_new catching = cxx_find_nothrow_new();
    return catching != NULL ? catching(size, "") : try_again_uncaught(size, GRANULE);
}

void *new_aligned(size_t size, size_t alignment) {
    if (unlikely(!is_power_of_two(alignment))) {
        cxx_throw_bad_alloc(size);
    }
    void *object = allocate_aligned(alignment, size);
    return likely(object != NULL) ? object : try_again(size, alignment);
}

void *new_aligned_nothrow(size_t size, size_t alignment) {
    if (unlikely(!is_power_of_two(alignment))) {
        return NULL;
    }
    void *object = allocate_aligned(alignment, size);
    if (likely(object != NULL) || cxx_new_handler() == NULL) {
        return object;
    }
    cxx_nothrow_new_aligned catching = cxx_find_nothrow_new_aligned();
    return catching != NULL ? catching(size, alignment, "") : try_again_uncaught(size, alignment);
}

/* --- operator new ----------------------------------------------------------------------------- */

CAIRN_EXPORT void *_Znwm(size_t size) { return new_object(size); }

CAIRN_EXPORT void *_Znam(size_t size) { return new_object(size); }

CAIRN_EXPORT void *_ZnwmRKSt9nothrow_t(size_t size, nothrow_tag tag) {
    (void)tag;
    return new_object_nothrow(size);
}

CAIRN_EXPORT void *_ZnamRKSt9nothrow_t(size_t size, nothrow_tag tag) {
    (void)tag;
    return new_object_nothrow(size);
}

CAIRN_EXPORT void *_ZnwmSt11align_val_t(size_t size, size_t alignment) {
    return new_aligned(size, alignment);
}

CAIRN_EXPORT void *_ZnamSt11align_val_t(size_t size, size_t alignment) {
    return new_aligned(size, alignment);
}

CAIRN_EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment,
                                                      nothrow_tag tag) {
    (void)tag;
    return new_aligned_nothrow(size, alignment);
}

CAIRN_EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment,
                                                      nothrow_tag tag) {
    (void)tag;
    return new_aligned_nothrow(size, alignment);
}

/* --- operator new that tells how much it gave ------------------------------------------------- */

static struct sized_pointer with_size(void *pointer) {
    return (struct sized_pointer){pointer, usable_size("operator new", pointer)};
}

CAIRN_EXPORT struct sized_pointer __size_returning_new(size_t size) {
    return with_size(new_object(size));
}

CAIRN_EXPORT struct sized_pointer __size_returning_new_aligned(size_t size, size_t alignment) {
    return with_size(new_aligned(size, alignment));
}

/* The hint says how often the object will be used; all objects are kept alike. */
CAIRN_EXPORT struct sized_pointer __size_returning_new_hot_cold(size_t size, unsigned char hint) {
    (void)hint;
    return with_size(new_object(size));
}

CAIRN_EXPORT struct sized_pointer
__size_returning_new_aligned_hot_cold(size_t size, size_t alignment, unsigned char hint) {
    (void)hint;
    return with_size(new_aligned(size, alignment));
}

/* --- operator delete -------------------------------------------------------------------------- */

static SLOW_PATH void slow_delete(void *pointer) { free_slow("delete", pointer); }

CAIRN_EXPORT void _ZdlPv(void *pointer) { fast_free(pointer, slow_delete); }

CAIRN_EXPORT void _ZdaPv(void *pointer) { fast_free(pointer, slow_delete); }

CAIRN_EXPORT void _ZdlPvm(void *pointer, size_t size) {
    (void)size;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdaPvm(void *pointer, size_t size) {
    (void)size;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdlPvRKSt9nothrow_t(void *pointer, nothrow_tag tag) {
    (void)tag;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdaPvRKSt9nothrow_t(void *pointer, nothrow_tag tag) {
    (void)tag;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdlPvSt11align_val_t(void *pointer, size_t alignment) {
    (void)alignment;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdaPvSt11align_val_t(void *pointer, size_t alignment) {
    (void)alignment;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdlPvmSt11align_val_t(void *pointer, size_t size, size_t alignment) {
    (void)size;
    (void)alignment;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdaPvmSt11align_val_t(void *pointer, size_t size, size_t alignment) {
    (void)size;
    (void)alignment;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t alignment,
                                                      nothrow_tag tag) {
    (void)alignment;
    (void)tag;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t alignment,
                                                      nothrow_tag tag) {
    (void)alignment;
    (void)tag;
    fast_free(pointer, slow_delete);
}
