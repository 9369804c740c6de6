/* The malloc family of C, POSIX and glibc: the names that programs call. */
#include "front/malloc.h"

#include <malloc.h>
#include <stdlib.h>

#include "front/rules.h"

static SLOW_PATH void slow_cfree(void *pointer) { free_slow("cfree", pointer); }
static SLOW_PATH void slow_free_sized(void *pointer) { free_slow("free_sized", pointer); }

static SLOW_PATH void slow_free_sized_claimed(void *pointer, size_t size, size_t alignment) {
    free_claimed("free_sized", pointer, FORM_MALLOC, size, alignment);
}

static SLOW_PATH void slow_free_aligned_sized(void *pointer) {
    free_slow("free_aligned_sized", pointer);
}

static SLOW_PATH void slow_free_aligned_sized_claimed(void *pointer, size_t size,
                                                      size_t alignment) {
    free_claimed("free_aligned_sized", pointer, FORM_MALLOC, size, alignment);
}

CAIRN_EXPORT void *malloc(size_t size) { return fast_allocate(size); }

CAIRN_EXPORT void free(void *pointer) { fast_free(pointer, slow_free); }

CAIRN_EXPORT void *calloc(size_t count, size_t size) { return rules_calloc(count, size); }

CAIRN_EXPORT void *realloc(void *pointer, size_t size) {
    return rules_realloc(&called_realloc, pointer, size);
}

CAIRN_EXPORT void *reallocarray(void *pointer, size_t count, size_t size) {
    return rules_reallocarray(&called_reallocarray, pointer, count, size);
}

/* Gone from C libraries; what is linked against old ones still calls it. */
CAIRN_EXPORT void cfree(void *pointer) { fast_free(pointer, slow_cfree); }

/* C23's sized frees.  The object's true size is known, and a wrong one must do no harm: only the
 * profile `debug` looks at it. */
CAIRN_EXPORT void free_sized(void *pointer, size_t size) {
    fast_free_told(pointer, (struct told){size, CLAIM_NONE, slow_free_sized_claimed},
                   slow_free_sized);
}

CAIRN_EXPORT void free_aligned_sized(void *pointer, size_t alignment, size_t size) {
    fast_free_told(pointer, (struct told){size, alignment, slow_free_aligned_sized_claimed},
                   slow_free_aligned_sized);
}

CAIRN_EXPORT void *aligned_alloc(size_t alignment, size_t size) {
    return rules_aligned_alloc(alignment, size);
}

CAIRN_EXPORT void *memalign(size_t alignment, size_t size) {
    return rules_memalign(alignment, size);
}

CAIRN_EXPORT int posix_memalign(void **result, size_t alignment, size_t size) {
    return rules_posix_memalign(result, alignment, size);
}

CAIRN_EXPORT void *valloc(size_t size) { return rules_valloc(size); }

CAIRN_EXPORT void *pvalloc(size_t size) { return rules_pvalloc(size); }

CAIRN_EXPORT size_t malloc_usable_size(void *pointer) {
    return usable_size("malloc_usable_size", pointer);
}
