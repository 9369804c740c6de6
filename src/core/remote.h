/* Remote frees: how a thread frees an object of another thread's slab.
 *
 * SYNCHRONISATION
 *   freeing thread:  1. set the object's bit in the slab's remote word w        (fetch_or)
 *                    2. if that word was zero, set bit w of the slab's summary  (fetch_or)
 *                    3. if the summary was zero, push the slab on its owner's list
 *   owner, draining: a. take the whole list                                     (exchange)
 *                    b. for each slab: take its summary                         (exchange)
 *                    c. for each bit of it: take the remote word                (exchange)
 *
 * No free is lost: let F set a bit in a word.  If the word was zero, F goes on to the summary.
 * Finds F the summary non-zero, then the slab is on a list (or about to be), and the owner will
 * still do b, which reads from the chain of changes that F's is part of, so c comes after 1.  If
 * the word was not zero, an earlier F' has found it zero, F' goes on to the summary, and c takes
 * both bits or leaves both to F'.
 *
 * A slab is on one list at most: pushed only by who changes its summary from zero, and the
 * summary becomes zero only in b, after it was taken off.  That is why `summary` and `notified`
 * belong to the chunk and are never reset with the slab: a freeing thread may be between 1 and 3
 * while the owner merges its bit (it may do so at any refill), empties the slab and makes
 * another one there.  The late push is then a spurious notification: harmless, or forwarded to
 * whoever owns the chunk by then.
 *
 * tests/model holds this protocol as a spin model with every interleaving checked. */
#ifndef CAIRN_CORE_REMOTE_H
#define CAIRN_CORE_REMOTE_H

#include "core/heap.h"
#include "core/reclaim.h"
#include "core/slab.h"
#include "core/threads.h"

/* Steps 2 and 3 for its word w, and what they bring with them if the owner is parked. */
void remote_notify(struct chunk *slab, unsigned w);

/* Frees some objects of word w of a slab that the calling thread does not own, a bit each and at
 * least one.  Returns those that were free already: then the others may be freed or not. */
static inline uint64_t remote_free_objects(struct chunk *slab, unsigned w, uint64_t objects) {
    if (unlikely(slab_is_condemned(slab))) {
        return objects;
    }
    if (unlikely(heap_distance == 0)) {
        threads_note_without_heap();
    }
    /* The owner's words, read from outside: as long as an object is live, its bits are stable. */
    uint64_t free = slab_free_bits(slab, w);
    _Atomic(uint64_t) *remote = &shared_of(slab)->remote[w];
    /* relaxed: the exchange looks again. */
    uint64_t before = atomic_load_explicit(remote, memory_order_relaxed);
    do {
        uint64_t twice = (free | before) & objects;
        if (unlikely(twice != 0)) {
            return twice;
        }
        if (unlikely((free | before | objects) == ~UINT64_C(0)) &&
            reclaim_condemn(slab, w, objects)) {
            return 0;
        }
        /* release: what this thread wrote into the objects comes before their next use. */
    } while (!atomic_compare_exchange_weak_explicit(remote, &before, before | objects,
                                                    memory_order_acq_rel, memory_order_relaxed));
    if (before == 0) {
        remote_notify(slab, w);
    }
    return 0;
}

/* The same for object `index`.  False: it was free already. */
static inline bool remote_free(struct chunk *slab, uint64_t index) {
    return remote_free_objects(slab, (unsigned)(index / 64), UINT64_C(1) << (index % 64)) == 0;
}

/* Whether there is a list to take.  relaxed: who misses it comes by again. */
static inline bool remote_is_notified(struct heap *heap) {
    return atomic_load_explicit(&heap->notified, memory_order_relaxed) != NULL;
}

struct chunk *remote_take_list(struct heap *heap);
uint64_t remote_take_summary(struct chunk *slab);

/* In a child after fork, while it has one thread: brings a slab's summary and its owner's list
 * into line with its remote words, whatever the threads that are gone were doing.  All lists
 * were emptied before. */
void remote_notify_anew(struct chunk *slab);

/* Hands a summary that this heap took but does not own to the slab's owner.  (If that one is
 * parked, the frees wait until it is looked at next: the caller may hold the registry lock.) */
void remote_forward(struct chunk *slab, uint64_t summary);

#endif
