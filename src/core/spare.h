/* Spare chunks: what a heap keeps at hand of the chunks it gave up, so that a slab or a large
 * object of one chunk costs no lock.
 *
 * They are dirty, and for the block allocator they are taken.  How many a heap may keep is its
 * share of a part of what may be dirty anyway: a few where few threads have much, none where many
 * have little.  Only its thread puts chunks there; anybody takes them out. */
#ifndef CAIRN_CORE_SPARE_H
#define CAIRN_CORE_SPARE_H

#include <stdint.h>

#include "core/heap.h"

/* For the heap's thread: a dirty chunk, one of its own or fresh from the block allocator, which
 * then hands out a few for later.  0: there is none. */
uintptr_t spare_take(struct heap *heap);

/* For the heap's thread: keeps a dirty chunk, or gives it to the block allocator with half of what
 * it has, if that is its share already. */
void spare_give(struct heap *heap, uintptr_t address);

/* All of them go to the block allocator; whichever heap's. */
void spare_flush(struct heap *heap);

/* How many there are, for checker and statistics. */
unsigned spare_count(const struct heap *heap);

/* The sum of their addresses, for who wants to know whether they have changed; 0: there are
 * none. */
uintptr_t spare_sum(const struct heap *heap);

/* How many heaps have a thread: they share what may be kept.  The first one to be noted has the
 * processors counted, if nobody has said yet how many there are. */
void spare_note_heaps(int more);

size_t spare_heaps(void); /* 1 while there is none */

/* How many processors the threads may run on: what all may keep grows with them, as so many threads
 * at most are at work at once, however many there are. */
void spare_note_cpus(unsigned cpus);

#endif
