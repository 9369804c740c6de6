#include <errno.h>
#include <stdlib.h>

#include "core/fast.h"

static SLOW_PATH void slow(void *pointer) { free_slow("free", pointer); }
CAIRN_EXPORT void *malloc(size_t size) { return fast_allocate(size); }
CAIRN_EXPORT void free(void *pointer) { fast_free(pointer, slow); }
CAIRN_EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (unlikely(__builtin_mul_overflow(count, size, &bytes))) { errno = ENOMEM; return NULL; }
    return fast_allocate_zeroed(bytes);
}
CAIRN_EXPORT void *realloc(void *pointer, size_t size) {
    if (pointer == NULL) return fast_allocate(size);
    if (size == 0) { free(pointer); return NULL; }
    return reallocate("realloc", pointer, size);
}
CAIRN_EXPORT int posix_memalign(void **r, size_t a, size_t n) {
    int saved = errno; void *p = allocate_aligned(a, n); if (!p) { errno = saved; return ENOMEM; } *r = p; return 0;
}
CAIRN_EXPORT void *aligned_alloc(size_t a, size_t n) { return allocate_aligned(a, n); }
CAIRN_EXPORT void *memalign(size_t a, size_t n) { return allocate_aligned(a, n); }
CAIRN_EXPORT size_t malloc_usable_size(void *p) { return usable_size("malloc_usable_size", p); }
__attribute__((constructor)) static void start(void) { threads_start(); }
