/* Holes: pages without a live object inside slabs that have live objects on other pages.  They go
 * back to the kernel while the program frees, with no timer and nothing on free's fast path.
 *
 * WHEN  A free that takes the slow path is the heartbeat: the first one into a full slab, the last
 *       one of a slab, and one into a *watched* slab.  A queued slab is watched by the tag that
 *       full slabs have, which makes its next free slow.  If a few of these come in a row and none
 *       of the class's objects was handed out in between, the class is shrinking: then each looks
 *       at the next of its queued slabs, in turn, and that one is watched.  So frees into n slabs
 *       in any order look at a slab for each n of them or so.
 * FEW   A heap that has few slabs of each class has few slow frees, too: after some of them, and no
 *       refill in between, it is *settled*.  No class keeps a current slab, so each slab goes with
 *       its last object; all of them are looked at; and so again as it goes on freeing.  A thread
 *       that worked and waits keeps little more than the pages of what it needs.  Not more often
 *       than every few milliseconds if it takes objects in between, as making slabs anew costs
 *       more than the objects.  A heap that has many slabs of some class is settled after hundreds
 *       of slow frees; slabs of such a class are looked at in turn, as above.
 * WHAT  Pages on which all objects are free.  They wait until as many runs of them are together as
 *       a system call is worth, and stay if an object of their slab is handed out before.
 * NOT   where it was in vain: pages that came into use again soon count against those that were
 *       given back, and if they are most, nothing is given back for some seconds.  Nor where it
 *       would split a huge page for half a slab's pages or fewer, below the soft limit.
 * BACK  Who takes objects of such a slab again will write to its pages: they are made resident at
 *       once, or with all of their block (regain.h).
 *
 * All functions: the heap's thread; or, for parked heaps, whoever holds the registry lock. */
#ifndef CAIRN_CORE_HOLES_H
#define CAIRN_CORE_HOLES_H

#include "core/chunk.h"
#include "core/heap.h"

/* The heartbeat, after a slow free of an object of `class`. */
void holes_look(struct heap *heap, unsigned class);

/* Objects of a slab that has holes (slab_has_holes()) are about to be handed out; or it is to
 * become another slab, its chunk having been kept as one that is resident. */
void holes_fill(struct heap *heap, struct chunk *slab);

/* A slab that has holes is about to be released: its pages stay where they are. */
void holes_forget(struct heap *heap, const struct chunk *slab);

/* Gives back what waits. */
void holes_flush(struct heap *heap);

#endif
