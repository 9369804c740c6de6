/* Which pages of the heap are in physical memory, and why those that hold nothing live are. */
#ifndef CAIRN_CORE_RESIDENCE_H
#define CAIRN_CORE_RESIDENCE_H

#include <cairn/stats.h>

#include "core/snapshot.h"

enum { RESIDENCE_PAGES = BLOCK_SIZE / 4096 };

/* The pages of the block that was looked at last; all zero at first. */
struct residence {
    uintptr_t block;
    unsigned char present[RESIDENCE_PAGES];
};

/* Adds what is resident of a chunk to stats: kept_bytes, live_resident_bytes, heap_resident_bytes,
 * and the figures of that kind of its class. */
void residence_add(struct residence *residence, const struct chunk_snapshot *chunk,
                   struct cairn_heap_stats *stats);

#endif
