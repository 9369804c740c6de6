/* The rules of C, POSIX and glibc that a function has under each of its names.
 *
 * malloc.c, libc_aliases.c, alloc_token.c and api.c give these to the world; where the standards
 * leave a choice it is glibc's.  NULL comes with errno ENOMEM unless said otherwise.  Thread-safe.
 */
#ifndef CAIRN_FRONT_RULES_H
#define CAIRN_FRONT_RULES_H

#include <errno.h>
#include <stddef.h>

#include "core/fast.h"

/* The name under which a bad pointer is reported, and free_slow() with that name: free's fast path
 * takes a function of one argument. */
struct called {
    const char *name;
    void (*free_slow)(void *);
};

extern const struct called called_realloc, called_reallocarray;

/* free_slow() as free, realloc and reallocarray. */
SLOW_PATH void slow_free(void *pointer);
SLOW_PATH void slow_realloc(void *pointer);
SLOW_PATH void slow_reallocarray(void *pointer);

/* A product that overflows is a request that can't be met. */
FAST_PATH bool multiply(size_t count, size_t size, size_t *bytes) {
    if (unlikely(__builtin_mul_overflow(count, size, bytes))) {
        errno = ENOMEM;
        return false;
    }
    return true;
}

FAST_PATH void *rules_calloc(size_t count, size_t size) {
    size_t bytes;
    return multiply(count, size, &bytes) ? fast_allocate_zeroed(bytes) : NULL;
}

/* realloc(p, 0) frees p and returns NULL with errno unchanged. */
void *rules_realloc(const struct called *called, void *pointer, size_t size);
void *rules_reallocarray(const struct called *called, void *pointer, size_t count, size_t size);

/* Any alignment is rounded up to a power of two; above the largest one EINVAL. */
void *rules_memalign(size_t alignment, size_t size);

/* EINVAL unless the alignment is a power of two; the size need not be a multiple of it. */
void *rules_aligned_alloc(size_t alignment, size_t size);

/* Returns the error; *result and errno are left alone then. */
int rules_posix_memalign(void **result, size_t alignment, size_t size);

/* On a page boundary; pvalloc: whole pages. */
void *rules_valloc(size_t size);
void *rules_pvalloc(size_t size);

#endif
