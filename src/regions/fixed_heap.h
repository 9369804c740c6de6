/* Heaps in memory of the caller's: hard-bounded, with everything that belongs to them inside.
 *
 *   memory: | struct fixed_heap | bitmaps taken, starts | granules of 16 bytes |
 *
 * Two bits for each granule: whether it is part of an object, and whether one starts there.  An
 * object reaches to the next start or the next granule that is not taken.  So nothing lies in or
 * between objects, neighbouring free ones are one without being merged, and what is no start of an
 * object is seen.  The place for an object is the first that fits, by words of the bitmap, from the
 * lowest free granule on.
 *
 *   starts is a subset of taken;  granules below `lowest` are taken
 *
 * Thread-safe: one lock (RANK_HEAP), in the memory too. */
#ifndef CAIRN_REGIONS_FIXED_HEAP_H
#define CAIRN_REGIONS_FIXED_HEAP_H

#include "regions/heap.h"

/* The handle lies in the memory, with `fixed` filled in; NULL: it does not suffice. */
struct cairn_heap *fixed_heap_create(void *memory, size_t bytes);

/* alignment: a power of two.  NULL: there is no such place. */
void *fixed_heap_allocate(struct fixed_heap *heap, size_t size, size_t alignment);

/* Of a live object, size not 0.  NULL: there is no place for it, and it is as it was. */
void *fixed_heap_resize(struct fixed_heap *heap, const char *function, void *pointer, size_t size,
                        size_t alignment);

/* All of them report what is no live object. */
void fixed_heap_free(struct fixed_heap *heap, const char *function, void *pointer);
size_t fixed_heap_usable_size(struct fixed_heap *heap, const char *function, const void *pointer);

bool fixed_heap_contains(struct fixed_heap *heap, const void *pointer);
struct cairn_heap_figures fixed_heap_figures(struct fixed_heap *heap);

/* The lock is not held while visit runs. */
size_t fixed_heap_walk(struct fixed_heap *heap,
                       void (*visit)(void *context, void *object, size_t bytes), void *context);

#endif
