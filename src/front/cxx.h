/* Operators new and delete under their Itanium names, and what their bodies are made of. */
#ifndef CAIRN_FRONT_CXX_H
#define CAIRN_FRONT_CXX_H

#include <stddef.h>

#include "core/fast.h"

/* What operator new does when its bin is empty or there is no memory: calls the new handler as long
 * as there is one, then throws bad_alloc, or returns NULL in the nothrow forms. */
SLOW_PATH void *new_slow(size_t size);
SLOW_PATH void *new_slow_nothrow(size_t size);
SLOW_PATH void *new_array_slow(size_t size);
SLOW_PATH void *new_array_slow_nothrow(size_t size);

FAST_PATH void *new_object(size_t size) { return fast_allocate_or(size, new_slow); }
FAST_PATH void *new_object_nothrow(size_t size) { return fast_allocate_or(size, new_slow_nothrow); }
FAST_PATH void *new_array(size_t size) { return fast_allocate_or(size, new_array_slow); }
FAST_PATH void *new_array_nothrow(size_t size) {
    return fast_allocate_or(size, new_array_slow_nothrow);
}

void *new_aligned(size_t size, size_t alignment, enum form form);
void *new_aligned_nothrow(size_t size, size_t alignment, enum form form);

/* std::nothrow_t const &: never looked at. */
typedef const void *nothrow_tag;

/* What the operators that tell how much they gave return. */
struct sized_pointer {
    void *pointer;
    size_t size;
};

void *_Znwm(size_t size);
void *_Znam(size_t size);
void *_ZnwmRKSt9nothrow_t(size_t size, nothrow_tag tag);
void *_ZnamRKSt9nothrow_t(size_t size, nothrow_tag tag);
void *_ZnwmSt11align_val_t(size_t size, size_t alignment);
void *_ZnamSt11align_val_t(size_t size, size_t alignment);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, nothrow_tag tag);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, nothrow_tag tag);
struct sized_pointer __size_returning_new(size_t size);
struct sized_pointer __size_returning_new_aligned(size_t size, size_t alignment);
struct sized_pointer __size_returning_new_hot_cold(size_t size, unsigned char hint);
struct sized_pointer __size_returning_new_aligned_hot_cold(size_t size, size_t alignment,
                                                           unsigned char hint);

void _ZdlPv(void *pointer);
void _ZdaPv(void *pointer);
void _ZdlPvm(void *pointer, size_t size);
void _ZdaPvm(void *pointer, size_t size);
void _ZdlPvRKSt9nothrow_t(void *pointer, nothrow_tag tag);
void _ZdaPvRKSt9nothrow_t(void *pointer, nothrow_tag tag);
void _ZdlPvSt11align_val_t(void *pointer, size_t alignment);
void _ZdaPvSt11align_val_t(void *pointer, size_t alignment);
void _ZdlPvmSt11align_val_t(void *pointer, size_t size, size_t alignment);
void _ZdaPvmSt11align_val_t(void *pointer, size_t size, size_t alignment);
void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t alignment, nothrow_tag tag);
void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t alignment, nothrow_tag tag);

#endif
