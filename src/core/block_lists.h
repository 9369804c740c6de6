/* Which blocks have room: lists of blocks, kept together with the two words of each that say which
 * of its chunks are free, and which of these are dirty, and with the number of dirty chunks.
 *
 * All functions: chunk lock held. */
#ifndef CAIRN_CORE_BLOCK_LISTS_H
#define CAIRN_CORE_BLOCK_LISTS_H

#include "core/block.h"
#include "core/chunk_mask.h"

struct block_lists {
    struct block *bucket[ALL_CHUNKS + 1]; /* [n]: blocks whose longest free run is n, by next and
                                             prev */
    uint64_t filled; /* bit n - 1: bucket[n] is not empty (n = 0 is not of interest) */
    struct block *oldest, *youngest; /* blocks with dirty chunks, in the order in which they got the
                                        first or were renewed, by younger and older */
};

/* Written by the functions below only. */
extern struct block_lists block_lists;

/* A new block, whose chunks are clean and free. */
void block_lists_add(struct block *block, uintptr_t address);

/* dirty: a subset of free, also in between. */
void block_set_free(struct block *block, uint64_t free);
void block_set_dirty(struct block *block, uint64_t dirty);

/* A block with dirty chunks is the youngest of these. */
void block_renew(struct block *block);

#endif
