/* Names of the malloc family that some C library's headers lack. */
#ifndef CAIRN_FRONT_MALLOC_H
#define CAIRN_FRONT_MALLOC_H

#include <stddef.h>

void cfree(void *pointer);
void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t alignment, size_t size);
void *pvalloc(size_t size);

#endif
