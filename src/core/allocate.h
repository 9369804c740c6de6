/* Everything below the fast paths, and the allocation functions without a fast path of their
 * own.
 *
 * C's rules: NULL with errno ENOMEM on failure, an object for 0 bytes, errno kept by all that
 * frees.  A bad pointer is reported under the name `function` and ends the process.
 * Thread-safe. */
#ifndef CAIRN_CORE_ALLOCATE_H
#define CAIRN_CORE_ALLOCATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/form.h"

/* An alignment above it can't be satisfied in 48 bits of address. */
#define ALIGNMENT_MAX ((size_t)1 << 40)

struct chunk;

/* The bin was empty, or the object is large. */
void *allocate_slow(size_t size);
void *allocate_zeroed_slow(size_t size);

/* alignment: a power of two. */
void *allocate_aligned(size_t alignment, size_t size);

/* realloc for pointer != NULL and size != 0. */
void *reallocate(const char *function, void *pointer, size_t size);

/* The same for an object of which the first old_size bytes are the program's: what it gets beyond
 * them reads as zero.  An old_size above what is usable is reported. */
void *reallocate_zeroed(const char *function, void *pointer, size_t old_size, size_t size);

/* Resizes an object where it is, so that `size` bytes are usable, or returns false and changes
 * nothing. */
bool resize_in_place(const char *function, void *pointer, size_t size);

/* Not an object of a slab of the caller's that needs nothing special.  NULL is ignored. */
void free_slow(const char *function, void *pointer);

/* The same with what the program claims of the object (form.h). */
void free_claimed(const char *function, void *pointer, enum form form, size_t size,
                  size_t alignment);

/* All objects of its word are free: the fast path's third exit. */
void free_emptied(void *pointer);

/* Large objects that threads without a heap allocated, and the bytes that were asked for, rounded
 * to pages or not; written by any thread.  Those of the others are in heap.counters.  Resizing does
 * not count. */
struct large_requests {
    _Atomic(uint64_t) count, bytes, rounded_bytes;
};
extern struct large_requests large_requests;

/* Counts one. */
void large_requests_note(size_t size);

/* For interceptors: what the above do where there is none.
 *
 * An object of a class for `size` bytes (at most SLAB_MAX), or a large one; NULL with ENOMEM. */
void *take_small(size_t size, bool *zeroed);
void *take_large(size_t size, size_t alignment, bool *zeroed);

/* For the statistics: a large object of so many bytes was allocated, other than by take_large(). */
void note_large(size_t size);

/* The size of the smallest class for `size` bytes whose objects are so aligned; 0: there is
 * none. */
size_t aligned_room(size_t size, size_t alignment);

/* Frees an object of a slab, whosever.  False: it was free already. */
bool free_object(struct chunk *slab, uint64_t index);

/* free_slow() of any pointer but NULL. */
void free_ordinary(const char *function, void *pointer);

/* Bytes the program may use; 0 for NULL. */
size_t usable_size(const char *function, const void *pointer);

/* Bytes usable of an object of `size` bytes; 0: none can be that large. */
size_t good_size(size_t size);

/* Reports a live object of which the program has more bytes than are usable, by what it says. */
void require_size(const char *function, const void *pointer, size_t size);

#endif
