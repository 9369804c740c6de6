#include "core/heap.h"

#include "base/check.h"
#include "core/offer.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/threads.h"
#include "core/walk.h"

/* How many queued slabs are looked at for a word that is worth it before a new slab is taken
 * instead. */
enum { CANDIDATES = 4 };

/* With fewer slabs than this a class takes what little its slabs have before it takes a new one:
 * a small heap stays small, a large one does not go to the slow path for every object. */
enum { FEW_SLABS = 4 };

/* The bin has no slab. */
static void empty_bin(struct bin *bin) { bin->avail = heap_origin.none.bins[0].avail; }

void heap_start(struct heap *heap) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        empty_bin(&heap->bins[c]);
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

static void queue_remove(struct queue *queue, struct chunk *slab) {
    struct chunk_shared *shared = shared_of(slab);
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

static void release(struct heap *heap, struct chunk *slab) {
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        (void)slab_merge_word(heap, slab, w); /* a double free shows here, or never */
    }
    heap->queues[slab->class].slabs--;
    heap->counters.slabs_released++;
    slab_release(slab);
}

/* A slab that is neither current nor queued goes where it belongs. */
static void put_away(struct heap *heap, struct chunk *slab, bool has_free) {
    if (slab_is_empty(slab)) {
        release(heap, slab); /* emptied by other threads' frees, merged just now */
    } else if (has_free) {
        queue_append(&heap->queues[slab->class], slab);
    } else {
        slab_set_owner(slab, heap_distance_of(heap) | OWNER_FULL);
    }
}

/* --- refill ----------------------------------------------------------------------------------- */

static void make_current(struct heap *heap, const struct offer *offer) {
    unsigned class = offer->slab->class;
    heap->queues[class].current = offer->slab;
    slab_accept(offer, &heap->bins[class]);
}

/* The bin's slab is used up. */
static void leave_current(struct heap *heap, unsigned class) {
    heap->queues[class].current = NULL;
    empty_bin(&heap->bins[class]);
}

/* An adopted or a new slab becomes the current one.  False: no memory. */
static bool add_slab(struct heap *heap, unsigned class, bool may_adopt) {
    struct chunk *slab = may_adopt ? threads_adopt_slab(heap, class) : NULL;
    if (slab != NULL) {
        queue_remove(&heap->queues[class], slab);
    } else {
        slab = slab_create(heap, class);
        if (slab == NULL) {
            return false;
        }
        heap->counters.slabs_created++;
        heap->queues[class].slabs++;
    }
    struct offer offer = slab_offer(heap, slab);
    DCHECK(offer.objects != 0); /* an adopted slab comes from a queue: what is free stays free */
    make_current(heap, &offer);
    return true;
}

static void put_away_offered(struct heap *heap, const struct offer *offer) {
    if (offer->slab != NULL) {
        put_away(heap, offer->slab, offer->objects != 0);
    }
}

/* The better one of two offers; the other one's slab is put away.  (No slab counts as no
 * objects.) */
static struct offer better(struct heap *heap, const struct offer *a, const struct offer *b) {
    bool b_is_better = b->count > a->count;
    put_away_offered(heap, b_is_better ? a : b);
    return b_is_better ? *b : *a;
}

/* The best of the slabs at the head of the queue and of what is there already, if that is not
 * worth it; its slab is out of the queue, those of the others at the end of it. */
static struct offer best_queued(struct heap *heap, struct queue *queue, struct offer best) {
    for (unsigned i = 0; i < CANDIDATES && queue->head != NULL && !best.is_worth_it; i++) {
        struct chunk *slab = queue->head;
        queue_remove(queue, slab);
        struct offer next = slab_offer(heap, slab);
        best = better(heap, &best, &next);
    }
    return best;
}

/* Leaves objects in the bin, or returns false: no memory. */
static bool refill(struct heap *heap, unsigned class, bool may_adopt) {
    struct queue *queue = &heap->queues[class];
    heap->counters.refills++;
    if (unlikely(remote_is_notified(heap))) {
        heap_drain(heap);
    }
    struct offer best = {0};
    if (queue->current != NULL) {
        best = slab_offer(heap, queue->current);
        if (likely(best.is_worth_it)) {
            slab_accept(&best, &heap->bins[class]);
            return true;
        }
        leave_current(heap, class);
    }
    best = best_queued(heap, queue, best);
    bool is_good = best.objects != 0 && (best.is_worth_it || queue->slabs < FEW_SLABS);
    if (!is_good && add_slab(heap, class, may_adopt)) {
        put_away_offered(heap, &best);
        return true;
    }
    if (best.objects == 0) {
        put_away_offered(heap, &best);
        return false;
    }
    make_current(heap, &best);
    return true;
}

void *heap_take_slow(struct heap *heap, unsigned class, bool may_adopt, bool *zeroed) {
    struct bin *bin = &heap->bins[class];
    if (owner_word_read(bin->avail) == 0 && !refill(heap, class, may_adopt)) {
        return NULL;
    }
    *zeroed = bin->zeroed != 0;
    return bin_take(bin, owner_word_read(bin->avail));
}

/* --- frees that are not fast ------------------------------------------------------------------ */

bool heap_free_into_full(struct heap *heap, struct chunk *slab, uint64_t index) {
    if (slab_free_object(slab, index) == FREED_TWICE) {
        return false;
    }
    slab_set_owner(slab, heap_distance_of(heap));
    put_away(heap, slab, true);
    return true;
}

void heap_word_freed(struct heap *heap, struct chunk *slab) {
    struct queue *queue = &heap->queues[slab->class];
    if (slab != queue->current && slab_is_empty(slab)) {
        queue_remove(queue, slab);
        release(heap, slab);
    }
}

/* A slab of this heap in which other threads freed objects. */
static void drain_slab(struct heap *heap, struct chunk *slab, uint64_t summary) {
    unsigned words = slab_class(slab)->words;
    for (; summary != 0; summary &= summary - 1) {
        unsigned w = lowest_bit(summary);
        if (w < words) {
            (void)slab_merge_word(heap, slab, w);
        }
    }
    if ((chunk_owner(slab) & OWNER_FULL) == 0) {
        heap_word_freed(heap, slab);
    } else if (slab_live(slab) < slab_class(slab)->capacity) {
        slab_set_owner(slab, heap_distance_of(heap));
        put_away(heap, slab, true);
    }
}

void heap_drain(struct heap *heap) {
    struct chunk *slab = remote_take_list(heap);
    while (slab != NULL) {
        struct chunk *next = atomic_load_explicit(&shared_of(slab)->notified, memory_order_relaxed);
        uint64_t summary = remote_take_summary(slab);
        uintptr_t owner = chunk_owner(slab);
        if (owner_heap(owner) == heap_distance_of(heap) && chunk_is(slab, CHUNK_SLAB)) {
            drain_slab(heap, slab, summary);
        } else {
            remote_forward(slab, summary);
        }
        slab = next;
    }
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

void heap_flush(struct heap *heap) {
    heap_drain(heap);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        struct queue *queue = &heap->queues[c];
        struct chunk *slab = queue->current;
        if (slab != NULL) {
            leave_current(heap, c);
            heap->bins[c].handed -= slab_take_back(slab);
            put_away(heap, slab, slab_live(slab) < slab_class(slab)->capacity);
        }
        release_empty(heap, queue);
    }
}

struct chunk *heap_give_up_slab(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    struct chunk *slab = queue->head;
    if (slab != NULL) {
        queue_remove(queue, slab);
        queue->slabs--;
    }
    return slab;
}

void heap_adopt_slab(struct heap *heap, struct chunk *slab) {
    slab_set_owner(slab, heap_distance_of(heap));
    /* Frees that saw the old owner are in the remote words by now, or will be forwarded. */
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        (void)slab_merge_word(heap, slab, w);
    }
    struct queue *queue = &heap->queues[slab->class];
    queue->slabs++;
    heap->counters.slabs_adopted++;
    queue_append(queue, slab);
}

/* --- after a fork ----------------------------------------------------------------------------- */

static void rebuild_slab(struct chunk *slab, void *argument) {
    struct heap *heap = argument;
    if (owner_heap(chunk_owner(slab)) != heap_distance_of(heap)) {
        return;
    }
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        struct slab_word *word = &slab->words[w];
        heap->bins[slab->class].handed -= count_bits(owner_word_read(&word->avail));
        owner_word_write(&word->freed, slab_free_bits(slab, w));
        owner_word_write(&word->avail, 0);
        (void)slab_merge_word(heap, slab, w);
    }
    slab->fresh = slab_class(slab)->capacity; /* a refill may have been under way */
    slab_set_owner(slab, heap_distance_of(heap));
    heap->queues[slab->class].slabs++;
    if (slab_live(slab) < slab_class(slab)->capacity) {
        queue_append(&heap->queues[slab->class],
                     slab); /* also if empty: the chunk lock is held now */
    } else {
        slab_set_owner(slab, heap_distance_of(heap) | OWNER_FULL);
    }
}

void heap_rebuild(struct heap *heap) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        empty_bin(&heap->bins[c]);
        heap->queues[c] = (struct queue){0};
    }
    walk_slabs(rebuild_slab, heap);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        release_empty(heap, &heap->queues[c]);
    }
}
