/* Slabs that other threads have emptied, while the owner sleeps.
 *
 * A remote free waits for the owner to take notice (remote.h), and an owner that waits for work
 * does not.  So whoever frees the last object of a full slab of another thread's *condemns* the
 * slab: no thread touches it any more, and whoever takes it off its owner's list of notified slabs
 * gives its chunks back.  Mostly that is the owner.  If much has come together, it is the thread
 * that frees: it reaps the list, and puts back what is not condemned.
 *
 * SYNCHRONISATION, steps 1 to 3 and a to c being those of remote.h
 *   freeing thread:  i.   hold the slab: the object is live until iii
 *                    ii.  take all remote words (exchange): they must have every other object
 *                    iii. add OWNER_EMPTIED to the owner, which must be OWNER_FULL alone
 *                                                                       (compare and exchange)
 *                    iv.  steps 2 and 3
 *   who takes it off a list: b, and finds OWNER_EMPTIED
 *                    v.   make the owner OWNER_EMPTIED alone            (compare and exchange)
 *                    vi.  c, which must find nothing; release it
 *
 * Only one thread releases it: who does v.  (It may be pushed once more by a thread that had set a
 * bit before ii, and comes to 2 after b.)  Somebody does: after iii the slab is on a list, or iv
 * pushes it, or the owner is between a and b, and then b reads from the chain of changes that iv is
 * part of, so it sees iii.
 *
 * Its owner does not touch it: a full slab is in no queue and no bin.  It becomes an open one only
 * when the owner frees an object of it, or merges one: there is none but those that were taken in
 * ii, which look live until iii.  A merge under way in ii gets some of them; then what was taken is
 * put back, and the free is an ordinary one.  A watched slab (holes.h) is queued: it has another
 * tag.
 *
 * The owner may have the slab in hand, between b and the end of c, when it is condemned and pushed
 * again; so nobody reaps while the owner is draining.  Who reaps takes the list first, and looks
 * second: what is on it was pushed after the owner's b, which comes after it began to drain.
 *
 * It may also have in hand a further chunk of a wide slab, notified of late; so when it drains it
 * looks at what a chunk is first, and whose second.
 *
 * One lock (RANK_RECLAIM) is held in ii and iii, for the sake of fork: in the child nothing is to
 * be half taken.  tests/model has all this as a part of the model of remote.h. */
#ifndef CAIRN_CORE_RECLAIM_H
#define CAIRN_CORE_RECLAIM_H

#include "core/chunk.h"
#include "core/heap.h"

/* The calling thread frees some objects of word w, which are live; of the word all others are free.
 * True: the slab was condemned, and they are freed.  False: nothing has happened. */
bool reclaim_condemn(struct chunk *slab, unsigned w, uint64_t objects);

/* Step v, for a condemned slab of `heap`.  True: it is the caller's to release. */
bool reclaim_claim(struct heap *heap, struct chunk *slab);

/* Makes the bitmap of such a slab say that all objects are free. */
void reclaim_settle(struct chunk *slab);

/* Around heap_drain(): by the owner, or with the registry lock if it is parked. */
void reclaim_begin_drain(struct heap *heap);
/* Whether to drain again, as somebody would have reaped meanwhile. */
bool reclaim_end_drain(struct heap *heap);

/* What reapers gave back of other threads' slabs, in all: for the statistics. */
struct reclaim_totals {
    _Atomic(size_t) slabs;
    _Atomic(size_t) objects;
};
extern struct reclaim_totals reclaim_totals;

/* For fork.  Reapers are waited for with the registry lock held, so that none begins: a child would
 * not know of whose slabs the claimed ones were. */
void reclaim_wait_for_reapers(void);
void reclaim_lock(void);
void reclaim_unlock(void);
void reclaim_reset_lock(void);

#endif
