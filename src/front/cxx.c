/* The C++ operators, by their Itanium names, in C and without a C++ runtime.
 *
 * A sized or aligned delete knows the object as well as a plain one does: size and alignment are
 * claims (core/form.h), which the profile `debug` looks at and nobody else. */
#include "front/cxx.h"

#include "base/bits.h"
#include "core/interceptor.h"
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
    return noted_form(likely(object != NULL) ? object : try_again(size, GRANULE), FORM_NEW);
}

void *new_array_slow(size_t size) { return noted_form(new_slow(size), FORM_NEW_ARRAY); }

void *new_slow_nothrow(size_t size) {
    void *object = allocate_slow(size);
    if (likely(object != NULL) || cxx_new_handler() == NULL) {
        return noted_form(object, FORM_NEW);
    }
    cxx_nothrow_new catching = cxx_find_nothrow_new();
    return noted_form(catching != NULL ? catching(size, "") : try_again_uncaught(size, GRANULE),
                      FORM_NEW);
}

void *new_array_slow_nothrow(size_t size) {
    return noted_form(new_slow_nothrow(size), FORM_NEW_ARRAY);
}

void *new_aligned(size_t size, size_t alignment, enum form form) {
    if (unlikely(!is_power_of_two(alignment))) {
        cxx_throw_bad_alloc(size);
    }
    void *object = allocate_aligned(alignment, size);
    return noted_form(likely(object != NULL) ? object : try_again(size, alignment), form);
}

void *new_aligned_nothrow(size_t size, size_t alignment, enum form form) {
    if (unlikely(!is_power_of_two(alignment))) {
        return NULL;
    }
    void *object = allocate_aligned(alignment, size);
    if (likely(object != NULL) || cxx_new_handler() == NULL) {
        return noted_form(object, form);
    }
    cxx_nothrow_new_aligned catching = cxx_find_nothrow_new_aligned();
    return noted_form(catching != NULL ? catching(size, alignment, "")
                                       : try_again_uncaught(size, alignment),
                      form);
}

/* --- operator new ----------------------------------------------------------------------------- */

CAIRN_EXPORT void *_Znwm(size_t size) { return new_object(size); }

CAIRN_EXPORT void *_Znam(size_t size) { return new_array(size); }

CAIRN_EXPORT void *_ZnwmRKSt9nothrow_t(size_t size, nothrow_tag tag) {
    (void)tag;
    return new_object_nothrow(size);
}

CAIRN_EXPORT void *_ZnamRKSt9nothrow_t(size_t size, nothrow_tag tag) {
    (void)tag;
    return new_array_nothrow(size);
}

CAIRN_EXPORT void *_ZnwmSt11align_val_t(size_t size, size_t alignment) {
    return new_aligned(size, alignment, FORM_NEW);
}

CAIRN_EXPORT void *_ZnamSt11align_val_t(size_t size, size_t alignment) {
    return new_aligned(size, alignment, FORM_NEW_ARRAY);
}

CAIRN_EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment,
                                                      nothrow_tag tag) {
    (void)tag;
    return new_aligned_nothrow(size, alignment, FORM_NEW);
}

CAIRN_EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment,
                                                      nothrow_tag tag) {
    (void)tag;
    return new_aligned_nothrow(size, alignment, FORM_NEW_ARRAY);
}

/* --- operator new that tells how much it gave ------------------------------------------------- */

static struct sized_pointer with_size(void *pointer) {
    return (struct sized_pointer){pointer, usable_size("operator new", pointer)};
}

CAIRN_EXPORT struct sized_pointer __size_returning_new(size_t size) {
    return with_size(new_object(size));
}

CAIRN_EXPORT struct sized_pointer __size_returning_new_aligned(size_t size, size_t alignment) {
    return with_size(new_aligned(size, alignment, FORM_NEW));
}

/* The hint says how often the object will be used; all objects are kept alike. */
CAIRN_EXPORT struct sized_pointer __size_returning_new_hot_cold(size_t size, unsigned char hint) {
    (void)hint;
    return with_size(new_object(size));
}

CAIRN_EXPORT struct sized_pointer
__size_returning_new_aligned_hot_cold(size_t size, size_t alignment, unsigned char hint) {
    (void)hint;
    return with_size(new_aligned(size, alignment, FORM_NEW));
}

/* --- operator delete -------------------------------------------------------------------------- */

/* A delete without an alignment claims that there is none beyond malloc's. */
static SLOW_PATH void slow_delete_claimed(void *pointer, size_t size, size_t alignment) {
    free_claimed("delete", pointer, FORM_NEW, size, alignment);
}

static SLOW_PATH void slow_delete(void *pointer) {
    slow_delete_claimed(pointer, CLAIM_NONE, GRANULE);
}

static SLOW_PATH void slow_delete_array_claimed(void *pointer, size_t size, size_t alignment) {
    free_claimed("delete[]", pointer, FORM_NEW_ARRAY, size, alignment);
}

static SLOW_PATH void slow_delete_array(void *pointer) {
    slow_delete_array_claimed(pointer, CLAIM_NONE, GRANULE);
}

FAST_PATH void delete_claimed(void *pointer, size_t size, size_t alignment) {
    fast_free_told(pointer, (struct told){size, alignment, slow_delete_claimed}, slow_delete);
}

FAST_PATH void delete_array_claimed(void *pointer, size_t size, size_t alignment) {
    fast_free_told(pointer, (struct told){size, alignment, slow_delete_array_claimed},
                   slow_delete_array);
}

CAIRN_EXPORT void _ZdlPv(void *pointer) { fast_free(pointer, slow_delete); }

CAIRN_EXPORT void _ZdaPv(void *pointer) { fast_free(pointer, slow_delete_array); }

CAIRN_EXPORT void _ZdlPvm(void *pointer, size_t size) { delete_claimed(pointer, size, GRANULE); }

CAIRN_EXPORT void _ZdaPvm(void *pointer, size_t size) {
    delete_array_claimed(pointer, size, GRANULE);
}

CAIRN_EXPORT void _ZdlPvRKSt9nothrow_t(void *pointer, nothrow_tag tag) {
    (void)tag;
    fast_free(pointer, slow_delete);
}

CAIRN_EXPORT void _ZdaPvRKSt9nothrow_t(void *pointer, nothrow_tag tag) {
    (void)tag;
    fast_free(pointer, slow_delete_array);
}

CAIRN_EXPORT void _ZdlPvSt11align_val_t(void *pointer, size_t alignment) {
    delete_claimed(pointer, CLAIM_NONE, alignment);
}

CAIRN_EXPORT void _ZdaPvSt11align_val_t(void *pointer, size_t alignment) {
    delete_array_claimed(pointer, CLAIM_NONE, alignment);
}

CAIRN_EXPORT void _ZdlPvmSt11align_val_t(void *pointer, size_t size, size_t alignment) {
    delete_claimed(pointer, size, alignment);
}

CAIRN_EXPORT void _ZdaPvmSt11align_val_t(void *pointer, size_t size, size_t alignment) {
    delete_array_claimed(pointer, size, alignment);
}

CAIRN_EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t alignment,
                                                      nothrow_tag tag) {
    (void)tag;
    delete_claimed(pointer, CLAIM_NONE, alignment);
}

CAIRN_EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t alignment,
                                                      nothrow_tag tag) {
    (void)tag;
    delete_array_claimed(pointer, CLAIM_NONE, alignment);
}
