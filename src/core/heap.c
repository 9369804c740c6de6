#include "core/heap.h"

#include "core/block.h"
#include "core/holes.h"
#include "core/offer.h"
#include "core/reclaim.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/walk.h"

/* How many queued slabs that turn out to have nothing are left behind before a new slab is taken
 * instead. */
enum { CANDIDATES = 8 };

/* The bin has no slab. */
static void empty_bin(struct bin *bin) { bin->avail = heap_origin.none.bins[0].avail; }

void heap_start(struct heap *heap) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        empty_bin(&heap->bins[c]);
        heap->queues[c] = (struct queue){.requests = heap->queues[c].requests};
    }
    heap->holes.count = 0;
}

unsigned aligned_class_of(size_t alignment, size_t size) {
    unsigned class = class_of(size);
    /* A power of two: no division. */
    while (class < CLASS_COUNT && (size_classes[class].size & (alignment - 1)) != 0) {
        class ++;
    }
    return class;
}

void heap_close(struct heap *heap, void *guard) {
    heap->guard = guard;
    os_random(&heap->random, sizeof heap->random);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        empty_bin(&heap->closed[c]);
    }
}

/* --- the queue of slabs with free objects ----------------------------------------------------- */

static void queue_append(struct queue *queue, struct chunk *slab) {
    struct chunk_shared *shared = shared_of(slab);
    shared->next = NULL;
    shared->prev = queue->tail;
    if (queue->tail != NULL) {
        shared_of(queue->tail)->next = slab;
    } else {
        queue->head = slab;
    }
    queue->tail = slab;
    slab->queued = true;
}

static void queue_prepend(struct queue *queue, struct chunk *slab) {
    struct chunk_shared *shared = shared_of(slab);
    shared->next = queue->head;
    shared->prev = NULL;
    if (queue->head != NULL) {
        shared_of(queue->head)->prev = slab;
    } else {
        queue->tail = slab;
    }
    queue->head = slab;
    slab->queued = true;
}

static void queue_remove(struct queue *queue, struct chunk *slab) {
    struct chunk_shared *shared = shared_of(slab);
    if (queue->look == slab) {
        queue->look = shared->next;
    }
    if (shared->prev != NULL) {
        shared_of(shared->prev)->next = shared->next;
    } else {
        queue->head = shared->next;
    }
    if (shared->next != NULL) {
        shared_of(shared->next)->prev = shared->prev;
    } else {
        queue->tail = shared->prev;
    }
    slab->queued = false;
}

/* Takes out the first; there is one. */
static inline struct chunk *queue_pop(struct queue *queue) {
    struct chunk *slab = queue->head;
    struct chunk *next = shared_of(slab)->next;
    if (queue->look == slab) {
        queue->look = next;
    }
    queue->head = next;
    *(next != NULL ? &shared_of(next)->prev : &queue->tail) = NULL;
    slab->queued = false;
    return slab;
}

static void release(struct heap *heap, struct chunk *slab) {
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        (void)slab_merge_word(heap, slab, w); /* a double free shows here, or never */
    }
    if (slab_has_holes(slab)) {
        holes_forget(heap, slab);
    }
    queue_count_slabs(&heap->queues[slab->class], -1);
    heap->counters.slabs_released++;
    slab_release(heap, slab);
}

static void set_full(struct heap *heap, struct chunk *slab) {
    slab_set_owner(slab, heap_distance_of(heap) | OWNER_FULL);
}

/* A slab that is neither current nor queued, and not full, goes where it belongs. */
static void put_away(struct heap *heap, struct chunk *slab) {
    if (slab_is_empty(slab)) {
        release(heap, slab);
    } else if (heap->guard != NULL && wyrand(&heap->random) % 2 == 0) {
        queue_prepend(&heap->queues[slab->class], slab); /* whose turn it is can't be foreseen */
    } else {
        queue_append(&heap->queues[slab->class], slab);
    }
}

/* --- refill ----------------------------------------------------------------------------------- */

/* Goes on with a slab.  False: its pass is over, and it had no word with `least` free objects. */
FAST_PATH bool refill_with(struct queue *queue, struct chunk *slab, struct bin *bin,
                           unsigned least) {
    unsigned count = slab_is_growing(slab) ? slab_refill_growing(slab, bin)
                                           : slab_refill_swept(slab, bin, least);
    queue->found += count;
    return count != 0;
}

FAST_PATH bool refill_from(struct queue *queue, struct chunk *slab, struct bin *bin) {
    return refill_with(queue, slab, bin, queue_least(queue, slab_class(slab)));
}

static inline void begin_pass(struct heap *heap, struct queue *queue, struct chunk *slab) {
    if (unlikely(slab_has_holes(slab))) {
        holes_fill(heap, slab);
    }
    if (unlikely(chunk_owner(slab) != heap_distance_of(heap))) {
        slab_set_owner(slab, heap_distance_of(heap)); /* it was watched */
    }
    slab->scan = 0;
    queue->found = 0;
}

static void put_away_or_full(struct heap *heap, struct chunk *slab) {
    if (slab_has_free(slab)) {
        put_away(heap, slab);
    } else {
        set_full(heap, slab);
    }
}

/* Makes a slab that is in no queue the current one.  False: it had nothing, and is put away. */
static inline bool try_slab(struct heap *heap, unsigned class, struct chunk *slab) {
    struct queue *queue = &heap->queues[class];
    begin_pass(heap, queue, slab);
    if (!refill_from(queue, slab, &heap->bins[class])) {
        put_away_or_full(heap, slab);
        return false;
    }
    queue->current = slab;
    return true;
}

/* The current slab's pass is over: another one, if this one found plenty; else it is left.  It may
 * be full then, but will hardly be when its turn comes again: only who finds nothing in a slab tags
 * it full. */
static inline bool go_on_or_leave(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    struct chunk *slab = queue->current;
    const struct size_class *size_class = slab_class(slab);
    if (size_class->words > 1 && queue->found >= (unsigned)size_class->words * size_class->worth) {
        begin_pass(heap, queue, slab);
        if (refill_from(queue, slab, &heap->bins[class])) {
            return true;
        }
    }
    queue->current = NULL;
    empty_bin(&heap->bins[class]);
    put_away(heap, slab);
    return false;
}

/* An adopted or a new slab becomes the current one.  False: no memory. */
static bool add_slab(struct heap *heap, unsigned class, bool may_adopt) {
    struct queue *queue = &heap->queues[class];
    /* What a first-class heap has is all its own. */
    bool adopts = may_adopt && heap->shared == NULL;
    struct chunk *slab = adopts ? threads_adopt_slab(heap, class) : NULL;
    if (slab != NULL) {
        queue_remove(queue, slab);
        if (try_slab(heap, class, slab)) {
            return true; /* what is free in a slab of a queue stays free: mostly so */
        }
    }
    slab = slab_create(heap, class);
    if (slab == NULL) {
        return false;
    }
    heap->counters.slabs_created++;
    queue_count_slabs(queue, 1);
    return try_slab(heap, class, slab);
}

/* Takes anything that is left in a queue. */
static bool take_leftovers(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    for (struct chunk *slab = queue->head; slab != NULL; slab = shared_of(slab)->next) {
        if (slab_has_free(slab)) {
            queue_remove(queue, slab);
            begin_pass(heap, queue, slab);
            (void)refill_with(queue, slab, &heap->bins[class], 1);
            queue->current = slab;
            return true;
        }
    }
    return false;
}

/* Leaves objects in the bin, or returns false: no memory. */
static __attribute__((noinline)) bool refill_elsewhere(struct heap *heap, unsigned class,
                                                       bool may_adopt) {
    struct queue *queue = &heap->queues[class];
    /* Not at each refill: each look moves cache lines between processors, and the more objects have
     * come together the fewer moves there are to each.  Before anything new is taken is in time. */
    if (unlikely(remote_is_notified(heap))) {
        heap_drain(heap);
    }
    if (queue->current != NULL && go_on_or_leave(heap, class)) {
        return true;
    }
    for (unsigned i = 0; i < CANDIDATES && queue->head != NULL; i++) {
        struct chunk *slab = queue_pop(queue);
        if (try_slab(heap, class, slab)) {
            return true;
        }
    }
    return add_slab(heap, class, may_adopt) || take_leftovers(heap, class);
}

static inline bool refill(struct heap *heap, unsigned class, bool may_adopt) {
    struct queue *queue = &heap->queues[class];
    if (unlikely(heap->counters.refills++ % LOOK_EVERY == 0)) {
        chunks_look_at_quiet();
    }
    struct chunk *slab = queue->current;
    return (likely(slab != NULL) && refill_from(queue, slab, &heap->bins[class])) ||
           refill_elsewhere(heap, class, may_adopt);
}

void *heap_take_slow(struct heap *heap, unsigned class, bool may_adopt, bool *zeroed) {
    struct bin *bin = &heap->bins[class];
    if (owner_word_read(bin->avail) == 0 && !refill(heap, class, may_adopt)) {
        return NULL;
    }
    *zeroed = bin->zeroed != 0;
    return bin_take(bin, owner_word_read(bin->avail));
}

void heap_shorten_handful(struct heap *heap, unsigned class, unsigned count) {
    struct bin *bin = &heap->bins[class];
    unsigned keep = count_bits(owner_word_read(bin->avail)) - count;
    bin->handed -= slab_cut_handful(heap->queues[class].current, keep);
}

void *heap_take_at_random(struct heap *heap, unsigned class, bool may_adopt, bool *zeroed) {
    struct bin *bin = &heap->bins[class];
    if (owner_word_read(bin->avail) == 0 && !refill(heap, class, may_adopt)) {
        return NULL;
    }
    *zeroed = bin->zeroed != 0;
    return bin_take_at_random(heap, bin, owner_word_read(bin->avail));
}

/* --- frees that are not fast ------------------------------------------------------------------ */

/* A full slab, or a watched one, is an open one from now on.  False: others have just condemned it,
 * so there is nothing to free in it. */
static bool reopen(struct heap *heap, struct chunk *slab) {
    /* acq_rel: as in slab_set_owner(); and what others did before they condemned it comes first. */
    uintptr_t before =
        atomic_exchange_explicit(&slab->owner, heap_distance_of(heap), memory_order_acq_rel);
    if (unlikely((before & OWNER_EMPTIED) != 0)) {
        atomic_store_explicit(&slab->owner, before, memory_order_release);
        return false;
    }
    slab_set_owner(slab, heap_distance_of(heap));
    return true;
}

bool heap_free_into_full(struct heap *heap, struct chunk *slab, uint64_t index) {
    if (slab_is_condemned(slab) || slab_free_object(slab, index) == FREED_TWICE ||
        !reopen(heap, slab)) {
        return false;
    }
    unsigned class = slab->class;
    if (slab->queued) {
        heap_word_freed(heap, slab);
    } else {
        put_away(heap, slab);
    }
    holes_look(heap, class);
    return true;
}

bool heap_free(struct heap *heap, struct chunk *slab, uint64_t index) {
    if ((chunk_owner(slab) & OWNER_FULL) != 0) {
        return heap_free_into_full(heap, slab, index);
    }
    unsigned class = slab->class;
    enum freed freed = slab_free_object(slab, index);
    if (unlikely(freed == FREED_ALL_OF_WORD)) {
        heap_word_freed(heap, slab);
        holes_look(heap, class);
    }
    return freed != FREED_TWICE;
}

void heap_word_freed(struct heap *heap, struct chunk *slab) {
    unsigned class = slab->class;
    struct queue *queue = &heap->queues[class];
    if (!slab_is_empty(slab)) {
        return;
    }
    if (slab != queue->current) {
        queue_remove(queue, slab);
        release(heap, slab);
    } else if (!slab_is_growing(slab) && slab->capacity > slab_class(slab)->handful) {
        /* All of it was used, and is not: whoever takes and frees a few objects in turn keeps his
         * slab, but a thread that has freed so much may not come back soon. */
        queue->current = NULL;
        empty_bin(&heap->bins[class]);
        release(heap, slab);
    }
}

/* A slab of this heap in which other threads freed objects. */
static void drain_slab(struct heap *heap, struct chunk *slab, uint64_t summary) {
    if (slab_is_condemned(slab)) {
        if (reclaim_claim(heap, slab)) {
            heap->counters.remote_frees += slab->capacity;
            reclaim_settle(slab);
            release(heap, slab);
        }
        return;
    }
    unsigned words = slab_class(slab)->words;
    for (; summary != 0; summary &= summary - 1) {
        unsigned w = lowest_bit(summary);
        if (w < words) {
            (void)slab_merge_word(heap, slab, w);
        }
    }
    if ((chunk_owner(slab) & OWNER_FULL) == 0 || slab->queued) {
        heap_word_freed(heap, slab);
    } else if (slab_live(slab) < slab->capacity) {
        slab_set_owner(slab, heap_distance_of(heap));
        put_away(heap, slab);
    }
}

static void drain_list(struct heap *heap) {
    struct chunk *slab = remote_take_list(heap);
    while (slab != NULL) {
        struct chunk *next = atomic_load_explicit(&shared_of(slab)->notified, memory_order_relaxed);
        uint64_t summary = remote_take_summary(slab);
        /* In this order: the chunk may be a further one of a wide slab of this heap, notified of
         * late, that somebody gives back just now (reclaim.h), and then another heap's slab. */
        bool is_slab = chunk_is_slab_first(slab);
        if (is_slab && owner_heap(chunk_owner(slab)) == heap_distance_of(heap)) {
            drain_slab(heap, slab, summary);
        } else {
            remote_forward(slab, summary);
        }
        slab = next;
    }
}

void heap_drain(struct heap *heap) {
    do {
        reclaim_begin_drain(heap);
        drain_list(heap);
    } while (unlikely(reclaim_end_drain(heap)));
}

/* --- heaps whose thread ends ------------------------------------------------------------------ */

static void release_empty(struct heap *heap, struct queue *queue) {
    for (struct chunk *slab = queue->head, *next; slab != NULL; slab = next) {
        next = shared_of(slab)->next;
        if (slab_is_empty(slab)) {
            queue_remove(queue, slab);
            release(heap, slab);
        }
    }
}

/* What the bin has goes back to the current slab, if there is one, and that to the others. */
static void leave_current(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    struct chunk *slab = queue->current;
    if (slab != NULL) {
        queue->current = NULL;
        empty_bin(&heap->bins[class]);
        heap->bins[class].handed -= slab_take_back(slab);
        put_away_or_full(heap, slab);
    }
}

void heap_leave_all(struct heap *heap) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        leave_current(heap, c);
    }
}

/* Nothing of the class is live in its current slab; the bin may have some. */
static bool current_is_empty(const struct heap *heap, unsigned class) {
    const struct chunk *slab = heap->queues[class].current;
    return slab != NULL && slab_live(slab) == 0;
}

bool heap_release_unused(struct heap *heap) {
    struct unused *unused = &heap->unused;
    uint32_t released = 0;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        uint32_t now = 0;
        if (current_is_empty(heap, c)) {
            now = (uint32_t)heap->bins[c].handed + 1;
            if (unused->handed[c] == now && released < unused->credit) {
                leave_current(heap, c);
                released++;
            }
        }
        unused->handed[c] = now;
    }
    unused->credit = released != 0 ? unused->credit - released : unused->credit + 1;
    return released != 0;
}

void heap_flush(struct heap *heap) {
    heap_drain(heap);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        leave_current(heap, c);
        release_empty(heap, &heap->queues[c]);
    }
    holes_flush(heap);
    spare_flush(heap);
}

struct chunk *heap_give_up_slab(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    if (queue->head == NULL) {
        return NULL;
    }
    queue_count_slabs(queue, -1);
    return queue_pop(queue);
}

void heap_adopt_slab(struct heap *heap, struct chunk *slab) {
    slab_set_owner(slab, heap_distance_of(heap));
    /* Frees that saw the old owner are in the remote words by now, or will be forwarded. */
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        (void)slab_merge_word(heap, slab, w);
    }
    struct queue *queue = &heap->queues[slab->class];
    queue_count_slabs(queue, 1);
    heap->counters.slabs_adopted++;
    queue_append(queue, slab);
}

/* --- after a fork ----------------------------------------------------------------------------- */

static void rebuild_slab(struct chunk *slab, void *argument) {
    struct heap *heap = argument;
    if (owner_heap(chunk_owner(slab)) != heap_distance_of(heap)) {
        return;
    }
    if (slab_is_condemned(slab)) {
        reclaim_settle(slab);
    }
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        struct slab_word *word = &slab->words[w];
        heap->bins[slab->class].handed -= count_bits(owner_word_read(&word->avail));
        owner_word_write(&word->freed, slab_free_bits(slab, w));
        owner_word_write(&word->avail, 0);
        (void)slab_merge_word(heap, slab, w);
    }
    slab_clear_fresh(slab, slab->fresh, slab->capacity);
    slab->fresh = slab->capacity; /* a refill may have been under way */
    slab->queued = false;
    for (unsigned i = 0; i < slab->chunks; i++) {
        slab[i].purged = 0;
    }
    slab_set_owner(slab, heap_distance_of(heap));
    queue_count_slabs(&heap->queues[slab->class], 1);
    if (slab_live(slab) < slab->capacity) {
        queue_append(&heap->queues[slab->class],
                     slab); /* also if empty: the chunk lock is held now */
    } else {
        set_full(heap, slab);
    }
}

void heap_rebuild(struct heap *heap) {
    heap_start(heap);
    walk_slabs(rebuild_slab, heap);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        release_empty(heap, &heap->queues[c]);
    }
}
