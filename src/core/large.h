/* Large objects: above the largest size class, a run of chunks each.
 *
 * Thread-safe without ownership: any thread may free or resize one.  Usable bytes are the
 * request rounded up to OS pages; the rest of the last chunk is never touched. */
#ifndef CAIRN_CORE_LARGE_H
#define CAIRN_CORE_LARGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/chunk.h"

/* size <= REQUEST_MAX; alignment a power of two.  *zeroed: it reads as zero.  NULL: no memory. */
void *large_allocate(size_t size, size_t alignment, bool *zeroed);

/* The same as an object of a first-class heap, within its limit; NULL: of none.  large_allocate:
 * of the one that the calling thread's malloc comes from. */
void *large_allocate_in(struct shared_heap *holder, size_t size, size_t alignment, bool *zeroed);

/* False: another thread has freed it just now. */
bool large_free(struct chunk *head);

/* Frees one of a heap that ends. */
void large_discard(struct chunk *head);

/* In two steps: from the first on it is not the program's any more, and its chunks are not anyone
 * else's before the second.  False: as above. */
bool large_take_away(struct chunk *head);
void large_give_back(struct chunk *head, bool dirty);

/* Or instead of the second: it is the program's again. */
void large_bring_back(struct chunk *head);

/* Changes the size: in place if possible, else by moving page tables.  Returns the address, the
 * old one or a new one; NULL: it has to be done by copying.  From byte *zeroed_from on the object
 * reads as zero (SIZE_MAX: unknown). */
void *large_resize(struct chunk *head, size_t size, size_t *zeroed_from);

/* Moves the first bytes of an object, whole pages, to another one that has as many; its own read as
 * zero then, and both stay what they are.  False: it is small for that, or refused. */
bool large_move_pages(const struct chunk *from, struct chunk *to, size_t bytes);

/* Changes the size in place, or returns false and changes nothing. */
bool large_resize_in_place(struct chunk *head, size_t size, size_t *zeroed_from);

#endif
