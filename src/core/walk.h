/* Walks over all descriptors in use: for rebuilding after a fork, the checker and
 * whoever must not see a slab come or go (statistics have core/snapshot.h). */
#ifndef CAIRN_CORE_WALK_H
#define CAIRN_CORE_WALK_H

#include "core/chunk.h"

/* Calls visit(head, argument) for each slab, or each large object, in the order of addresses within
 * a region.  Holds the chunk lock meanwhile, so that none is released or made; visit must not take
 * or give chunks.  What owners change (bitmaps) changes under the visitor's eyes. */
void walk_slabs(void (*visit)(struct chunk *head, void *argument), void *argument);
void walk_large(void (*visit)(struct chunk *head, void *argument), void *argument);

#endif
