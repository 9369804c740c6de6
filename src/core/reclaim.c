#include "core/reclaim.h"

#include "core/block.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/threads.h"
#include "os/mutex.h"
#include "os/os.h"

enum {
    /* A list is reaped when so many chunks are condemned, and as many as a SHARE-th of the slabs
     * that were left on it the last time: who reaps has to go through all of it. */
    FEW = 4,
    SHARE = 8
};

struct reclaim_totals reclaim_totals;
static struct mutex lock = MUTEX(RANK_RECLAIM);

/* Threads that have claimed slabs and not released all of them; begun with the registry lock. */
static _Atomic(unsigned) reaping;

void reclaim_lock(void) { mutex_lock(&lock); }
void reclaim_unlock(void) { mutex_unlock(&lock); }

/* relaxed: the child has one thread. */
void reclaim_reset_lock(void) {
    atomic_store_explicit(&reaping, 0, memory_order_relaxed);
    mutex_reset(&lock);
}

void reclaim_wait_for_reapers(void) {
    /* acquire: what was released is in the lists that the child will have. */
    for (int i = 0; i < FORK_WAITS_MS && atomic_load_explicit(&reaping, memory_order_acquire) != 0;
         i++) {
        os_pause_ms(1);
    }
}

/* --- condemning ------------------------------------------------------------------------------- */

/* The objects of word v that others must have freed, if the caller frees `objects` of word w. */
static uint64_t others(const struct chunk *slab, unsigned v, unsigned w, uint64_t objects) {
    return slab_valid_bits(slab, v) & ~(v == w ? objects : 0);
}

/* So it seems; other threads are at work. */
static bool is_last(const struct chunk *slab, unsigned w, uint64_t objects) {
    for (unsigned v = 0; v < slab_class(slab)->words; v++) {
        if (slab_unmerged_bits(slab, v) != others(slab, v, w, objects)) {
            return false;
        }
    }
    return true;
}

/* Step ii.  False: a word had not what it should; it is the last one that was taken. */
static bool take_words(struct chunk *slab, unsigned w, uint64_t objects, uint64_t *taken,
                       unsigned *words) {
    for (unsigned v = 0; v < slab_class(slab)->words; v++) {
        /* acquire: what the freeing threads wrote into the objects comes before iii. */
        taken[v] = atomic_exchange_explicit(&shared_of(slab)->remote[v], 0, memory_order_acquire);
        *words = v + 1;
        if (taken[v] != others(slab, v, w, objects)) {
            return false;
        }
    }
    return true;
}

/* What is left to do once the lock is given back. */
struct aftermath {
    uint64_t untold; /* words with frees that the owner has to be told of */
    uint64_t twice;  /* objects of word `w` that were freed again meanwhile */
    unsigned w;
};

/* What was taken from the first `words` words. */
static struct aftermath put_back(struct chunk *slab, const uint64_t *taken, unsigned words) {
    struct aftermath after = {0};
    for (unsigned v = 0; v < words; v++) {
        if (taken[v] == 0) {
            continue;
        }
        /* Step 1 once more; the order as there. */
        uint64_t before =
            atomic_fetch_or_explicit(&shared_of(slab)->remote[v], taken[v], memory_order_acq_rel);
        after.untold |= (uint64_t)(before == 0) << v;
        if (unlikely((before & taken[v]) != 0)) {
            after.twice = before & taken[v];
            after.w = v;
        }
    }
    return after;
}

/* Steps ii and iii. */
static bool condemn(struct chunk *slab, uintptr_t owner, unsigned w, uint64_t objects,
                    struct aftermath *after) {
    uint64_t taken[SLAB_MOST_WORDS];
    unsigned words = 0;
    /* release: what was written into the objects, by whomever, comes before their memory's next
     * use.  relaxed if it fails: then nothing follows from it. */
    if (take_words(slab, w, objects, taken, &words) &&
        atomic_compare_exchange_strong_explicit(&slab->owner, &owner, owner | OWNER_EMPTIED,
                                                memory_order_release, memory_order_relaxed)) {
        return true;
    }
    *after = put_back(slab, taken, words);
    return false;
}

/* --- reaping ---------------------------------------------------------------------------------- */

/* A list by chunk_shared.notified. */
struct list {
    struct chunk *first, *last;
    uint32_t length;
};

static void append(struct list *list, struct chunk *slab) {
    if (list->first == NULL) {
        list->first = slab;
    } else {
        atomic_store_explicit(&shared_of(list->last)->notified, slab, memory_order_relaxed);
    }
    list->last = slab;
    list->length++;
}

/* Back to the heap whose list it was; as push() in remote.c. */
static void push_back(struct heap *heap, const struct list *list) {
    struct chunk *head = atomic_load_explicit(&heap->notified, memory_order_relaxed);
    do {
        atomic_store_explicit(&shared_of(list->last)->notified, head, memory_order_relaxed);
        /* release: who takes the list finds the links. */
    } while (!atomic_compare_exchange_weak_explicit(&heap->notified, &head, list->first,
                                                    memory_order_release, memory_order_relaxed));
}

static bool is_worth_reaping(struct heap *heap, uint32_t condemned) {
    uint32_t worth = atomic_load_explicit(&heap->worth_reaping, memory_order_relaxed);
    return condemned >= (worth == 0 ? FEW : worth);
}

/* Takes from `list` what is condemned, if it may: the caller's then, by chunk_shared.next. */
static struct chunk *take_condemned(struct heap *heap, struct chunk *list, bool may,
                                    struct list *kept) {
    struct chunk *condemned = NULL;
    for (struct chunk *slab = list, *next; slab != NULL; slab = next) {
        next = atomic_load_explicit(&shared_of(slab)->notified, memory_order_relaxed);
        if (may && reclaim_claim(heap, slab)) {
            (void)remote_take_summary(slab);
            shared_of(slab)->next = condemned;
            condemned = slab;
        } else {
            append(kept, slab);
        }
    }
    return condemned;
}

/* The registry lock is held, which keeps the heap from being parked: that would rely on an empty
 * list. */
static struct chunk *reap_list(struct heap *heap) {
    struct chunk *list = remote_take_list(heap);
    struct list kept = {0};
    /* seq_cst: against reclaim_end_drain(). */
    bool may = !atomic_load_explicit(&heap->draining, memory_order_seq_cst);
    struct chunk *condemned = take_condemned(heap, list, may, &kept);
    if (may) {
        atomic_store_explicit(&heap->condemned, 0, memory_order_relaxed);
        atomic_store_explicit(&heap->worth_reaping, FEW + kept.length / SHARE,
                              memory_order_relaxed);
    }
    if (kept.first != NULL) {
        push_back(heap, &kept);
    }
    return condemned;
}

static void reap(struct heap *heap) {
    struct chunk *slab = NULL;
    threads_lock();
    if (atomic_load_explicit(&heap->state, memory_order_relaxed) == HEAP_ACTIVE) {
        slab = reap_list(heap);
    }
    (void)atomic_fetch_add_explicit(&reaping, 1, memory_order_relaxed);
    threads_unlock();
    while (slab != NULL) {
        struct chunk *next = shared_of(slab)->next;
        size_t objects = slab->capacity;
        reclaim_settle(slab);
        queue_count_slabs(&heap->queues[slab->class], -1);
        slab_release(NULL, slab);
        atomic_fetch_add_explicit(&reclaim_totals.slabs, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&reclaim_totals.objects, objects, memory_order_relaxed);
        slab = next;
    }
    /* release: as above. */
    (void)atomic_fetch_sub_explicit(&reaping, 1, memory_order_release);
}

/* `chunks` more of a heap's are condemned. */
static void note_condemned(struct heap *heap, unsigned chunks) {
    /* seq_cst: either this thread sees that the owner is done with draining, or the owner sees what
     * there is to reap. */
    uint32_t condemned =
        atomic_fetch_add_explicit(&heap->condemned, chunks, memory_order_seq_cst) + chunks;
    if (is_worth_reaping(heap, condemned)) {
        reap(heap);
    }
}

void reclaim_begin_drain(struct heap *heap) {
    /* relaxed: who reaps sees it through the chain that reclaim.h tells of, where its list has
     * anything that matters. */
    atomic_store_explicit(&heap->draining, true, memory_order_relaxed);
    if (atomic_load_explicit(&heap->condemned, memory_order_relaxed) != 0) {
        atomic_store_explicit(&heap->condemned, 0, memory_order_relaxed);
    }
}

bool reclaim_end_drain(struct heap *heap) {
    atomic_store_explicit(&heap->draining, false, memory_order_seq_cst);
    return is_worth_reaping(heap, atomic_load_explicit(&heap->condemned, memory_order_seq_cst));
}

/* --- what others call ------------------------------------------------------------------------- */

bool reclaim_condemn(struct chunk *slab, unsigned w, uint64_t objects) {
    /* acquire: the heap behind a new owner is initialised. */
    uintptr_t owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
    struct heap *heap = heap_at(owner_heap(owner));
    if (owner != (heap_distance_of(heap) | OWNER_FULL) || slab->noted || heap->shared != NULL ||
        !is_last(slab, w, objects)) {
        return false;
    }
    unsigned chunks = slab->chunks;
    struct aftermath after = {0};
    mutex_lock(&lock);
    bool done = condemn(slab, owner, w, objects, &after);
    mutex_unlock(&lock);
    if (done) {
        remote_notify(slab, w);
        note_condemned(heap, chunks);
    }
    for (uint64_t untold = after.untold; untold != 0; untold &= untold - 1) {
        remote_notify(slab, lowest_bit(untold));
    }
    if (unlikely(after.twice != 0)) {
        slab_report_twice(slab, after.w, after.twice);
    }
    return done;
}

bool reclaim_claim(struct heap *heap, struct chunk *slab) {
    uintptr_t owner = heap_distance_of(heap) | OWNER_FULL | OWNER_EMPTIED;
    /* relaxed at first: of most slabs of a list it is not so.  acquire: with iii. */
    return chunk_owner(slab) == owner &&
           atomic_compare_exchange_strong_explicit(&slab->owner, &owner, OWNER_EMPTIED,
                                                   memory_order_acquire, memory_order_relaxed);
}

void reclaim_settle(struct chunk *slab) {
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        uint64_t late =
            atomic_exchange_explicit(&shared_of(slab)->remote[w], 0, memory_order_acquire);
        if (unlikely(late != 0)) {
            slab_report_twice(slab, w, late); /* by who saw the owner before it was condemned */
        }
        owner_word_write(&slab->words[w].freed, ~UINT64_C(0));
    }
}
