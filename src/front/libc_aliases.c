/* glibc's inner names of the malloc family.
 *
 * A static program whose objects name one of these would get all of glibc's malloc beside this one;
 * and some programs look them up to get round an interposed malloc, whose memory they then mix with
 * ours.  musl's
 * __libc_malloc, in contrast, is its own and must stay so: hence nothing here without glibc. */
#include <stdlib.h> /* says which C library it is */

#ifdef __GLIBC__

#include <malloc.h>

#include "front/glibc.h"
#include "front/malloc.h"
#include "front/rules.h"

void *__libc_malloc(size_t size);
void __libc_free(void *pointer);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_reallocarray(void *pointer, size_t count, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_cfree(void *pointer);
void __libc_free_sized(void *pointer, size_t size);
void __libc_free_aligned_sized(void *pointer, size_t alignment, size_t size);
int __posix_memalign(void **result, size_t alignment, size_t size);
struct mallinfo __libc_mallinfo(void);
int __libc_mallopt(int parameter, int value);

CAIRN_EXPORT void *__libc_malloc(size_t size) { return fast_allocate(size); }

CAIRN_EXPORT void __libc_free(void *pointer) { fast_free(pointer, slow_free); }

CAIRN_EXPORT void *__libc_calloc(size_t count, size_t size) { return rules_calloc(count, size); }

CAIRN_EXPORT void *__libc_realloc(void *pointer, size_t size) {
    return rules_realloc(&called_realloc, pointer, size);
}

CAIRN_EXPORT void *__libc_reallocarray(void *pointer, size_t count, size_t size) {
    return rules_reallocarray(&called_reallocarray, pointer, count, size);
}

CAIRN_EXPORT void *__libc_memalign(size_t alignment, size_t size) {
    return rules_memalign(alignment, size);
}

CAIRN_EXPORT void *__libc_valloc(size_t size) { return rules_valloc(size); }

CAIRN_EXPORT void *__libc_pvalloc(size_t size) { return rules_pvalloc(size); }

CAIRN_EXPORT void __libc_cfree(void *pointer) { fast_free(pointer, slow_free); }

CAIRN_EXPORT void __libc_free_sized(void *pointer, size_t size) { free_sized(pointer, size); }

CAIRN_EXPORT void __libc_free_aligned_sized(void *pointer, size_t alignment, size_t size) {
    free_aligned_sized(pointer, alignment, size);
}

CAIRN_EXPORT int __posix_memalign(void **result, size_t alignment, size_t size) {
    return rules_posix_memalign(result, alignment, size);
}

CAIRN_EXPORT struct mallinfo __libc_mallinfo(void) { return glibc_mallinfo(); }

CAIRN_EXPORT int __libc_mallopt(int parameter, int value) {
    return glibc_mallopt(parameter, value);
}

#endif
