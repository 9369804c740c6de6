#include "core/remote.h"

#include "core/threads.h"

/* Step 3.  Returns the heap whose list the slab is on now, or NULL. */
static struct heap *push(struct chunk *slab) {
    struct chunk_shared *shared = shared_of(slab);
    /* acquire: the heap behind a new owner is initialised. */
    uintptr_t owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
    if (owner == OWNER_NONE || owner == OWNER_LARGE || owner == OWNER_WAITS ||
        owner == OWNER_EMPTIED) {
        return NULL;
    }
    struct heap *heap = heap_at(owner_heap(owner));
    struct chunk *head = atomic_load_explicit(&heap->notified, memory_order_relaxed);
    do {
        atomic_store_explicit(&shared->notified, head, memory_order_relaxed);
        /* seq_cst: against the look at the heap's state, see threads_drain_parked(). */
    } while (!atomic_compare_exchange_weak_explicit(&heap->notified, &head, slab,
                                                    memory_order_seq_cst, memory_order_relaxed));
    return heap;
}

/* Steps 2 and 3.  Returns the heap that was notified, or NULL if none had to be. */
static struct heap *notify(struct chunk *slab, uint64_t summary) {
    struct chunk_shared *shared = shared_of(slab);
    /* acq_rel: with the owner's exchange in b it orders step 1 before step c. */
    while (atomic_fetch_or_explicit(&shared->summary, summary, memory_order_acq_rel) == 0) {
        struct heap *heap = push(slab);
        if (heap != NULL) {
            return heap;
        }
        /* A late push: the bits were merged and the chunk is no slab any more.  Should it have
         * become one just now, with frees that rely on this push, they are in what is taken back
         * here. */
        summary = atomic_exchange_explicit(&shared->summary, 0, memory_order_acq_rel);
        if (summary == 0 || !chunk_is(slab, CHUNK_SLAB) || chunk_owner(slab) == OWNER_EMPTIED) {
            break;
        }
    }
    return NULL;
}

void remote_notify(struct chunk *slab, unsigned w) {
    struct heap *heap = notify(slab, UINT64_C(1) << w);
    if (heap != NULL && threads_is_parked(heap)) {
        threads_drain_parked(heap);
    }
}

struct chunk *remote_take_list(struct heap *heap) {
    if (!remote_is_notified(heap)) {
        return NULL;
    }
    /* acquire: pairs with the push, so the links are there. */
    return atomic_exchange_explicit(&heap->notified, NULL, memory_order_acquire);
}

uint64_t remote_take_summary(struct chunk *slab) {
    return atomic_exchange_explicit(&shared_of(slab)->summary, 0, memory_order_acq_rel);
}

void remote_forward(struct chunk *slab, uint64_t summary) {
    if (chunk_is(slab, CHUNK_SLAB)) {
        (void)notify(slab, summary);
    }
}

void remote_notify_anew(struct chunk *slab) {
    struct chunk_shared *shared = shared_of(slab);
    uint64_t summary = 0;
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        if (atomic_load_explicit(&shared->remote[w], memory_order_relaxed) != 0) {
            summary |= UINT64_C(1) << w;
        }
    }
    summary |= slab_is_condemned(slab) ? 1 : 0;
    if (atomic_load_explicit(&shared->summary, memory_order_relaxed) != 0) {
        atomic_store_explicit(&shared->summary, 0, memory_order_relaxed);
    }
    if (summary != 0) {
        (void)notify(slab, summary);
    }
}
