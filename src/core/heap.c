#include "core/heap.h"

#include "base/check.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/threads.h"
#include "core/walk.h"

/* How many queued slabs are looked at for a word that is worth it before a new slab is taken instead. */
enum { CANDIDATES = 4 };

/* With fewer slabs than this a class takes what little its slabs have before it takes a new one: a small heap
 * stays small, a large one does not go to the slow path for every object. */
enum { FEW_SLABS = 4 };

/* The bin has no slab. */
static void empty_bin(struct bin *bin) { bin->avail = heap_origin.none.bins[0].avail; }

void heap_start(struct heap *heap) {
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        empty_bin(&heap->bins[class]);
    }
}

/* --- the queue of slabs with free objects -------------------------------------------------------- */

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
    heap->queues[slab->class].slabs--;
    heap->counters.slabs_released++;
    slab_release(slab);
}

/* A slab that is neither current nor queued goes where it belongs. */
static void put_away(struct heap *heap, struct chunk *slab, bool has_free) {
    if (has_free) {
        queue_append(&heap->queues[slab->class], slab);
    } else {
        slab_set_owner(slab, heap_distance_of(heap) | OWNER_FULL);
    }
}

/* --- refill --------------------------------------------------------------------------------------- */

static void make_current(struct heap *heap, struct chunk *slab, unsigned w) {
    heap->queues[slab->class].current = slab;
    slab_fill_bin(slab, w, &heap->bins[slab->class]);
}

struct choice {
    struct chunk *slab; /* NULL: none */
    unsigned word;
    unsigned objects;
};

static bool is_worth_it(const struct choice *choice) {
    unsigned handful = slab_class(choice->slab)->handful;
    return choice->objects >= (handful < 8 ? 1 : 8);
}

/* The best of the slabs at the head of the queue; those that were looked at in vain go to its end.  The chosen
 * one, if any, is out of the queue. */
static struct choice choose_queued(struct heap *heap, struct queue *queue) {
    struct choice best = {NULL, 0, 0};
    for (unsigned i = 0; i < CANDIDATES && queue->head != NULL; i++) {
        struct choice next = {.slab = queue->head};
        queue_remove(queue, next.slab);
        next.word = slab_pick_word(heap, next.slab, &next.objects);
        if (next.objects > best.objects) {
            if (best.slab != NULL) {
                queue_append(queue, best.slab);
            }
            best = next;
            if (is_worth_it(&best)) {
                break;
            }
        } else {
            put_away(heap, next.slab, next.objects != 0);
        }
    }
    return best;
}

static bool add_slab(struct heap *heap, unsigned class, bool may_adopt) {
    struct chunk *slab = may_adopt ? threads_adopt_slab(heap, class) : NULL;
    if (slab == NULL) {
        slab = slab_create(heap, class);
        if (slab == NULL) {
            return false;
        }
        heap->counters.slabs_created++;
        heap->queues[class].slabs++;
    } else {
        queue_remove(&heap->queues[class], slab);
    }
    unsigned objects;
    unsigned w = slab_pick_word(heap, slab, &objects);
    if (objects == 0) {
        put_away(heap, slab, false);
        return false;
    }
    make_current(heap, slab, w);
    return true;
}

/* The bin's slab is used up. */
static void leave_current(struct heap *heap, unsigned class) {
    heap->queues[class].current = NULL;
    empty_bin(&heap->bins[class]);
}

/* Leaves objects in the bin, or returns false: no memory. */
static bool refill(struct heap *heap, unsigned class, bool may_adopt) {
    struct queue *queue = &heap->queues[class];
    heap->counters.refills++;
    heap_drain(heap);
    struct choice mine = {.slab = queue->current};
    if (mine.slab != NULL) {
        mine.word = slab_pick_word(heap, mine.slab, &mine.objects);
        if (mine.objects != 0 && is_worth_it(&mine)) {
            make_current(heap, mine.slab, mine.word);
            return true;
        }
        leave_current(heap, class);
    }
    struct choice other = choose_queued(heap, queue);
    struct choice best = other.objects > mine.objects ? other : mine;
    if (best.slab != NULL && best.objects != 0 &&
        (is_worth_it(&best) || queue->slabs < FEW_SLABS || !add_slab(heap, class, may_adopt))) {
        make_current(heap, best.slab, best.word);
        struct chunk *left = best.slab == mine.slab ? other.slab : mine.slab;
        if (left != NULL) {
            put_away(heap, left, (left == mine.slab ? mine.objects : other.objects) != 0);
        }
        return true;
    }
    if (mine.slab != NULL) {
        put_away(heap, mine.slab, mine.objects != 0);
    }
    if (other.slab != NULL) {
        put_away(heap, other.slab, other.objects != 0);
    }
    return queue->current != NULL || add_slab(heap, class, may_adopt) ||
           add_slab(heap, class, false);
}

void *heap_take_slow(struct heap *heap, unsigned class, bool may_adopt, bool *zeroed) {
    struct bin *bin = &heap->bins[class];
    if (owner_word_read(bin->avail) == 0 && !refill(heap, class, may_adopt)) {
        return NULL;
    }
    *zeroed = bin->zeroed != 0;
    return bin_take(bin, owner_word_read(bin->avail));
}

/* --- frees that are not fast ------------------------------------------------------------------------ */

bool heap_free_into_full(struct heap *heap, struct chunk *slab, uint64_t index) {
    if (!slab_free_object(slab->bits, index)) {
        return false;
    }
    slab_set_owner(slab, heap_distance_of(heap));
    if (owner_word_decrement(&slab->bits->handed_out)) {
        release(heap, slab);
    } else {
        queue_append(&heap->queues[slab->class], slab);
    }
    return true;
}

void heap_slab_emptied(struct heap *heap, struct chunk *slab) {
    struct queue *queue = &heap->queues[slab->class];
    if (slab == queue->current) {
        return;
    }
    queue_remove(queue, slab);
    release(heap, slab);
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
    bool full = (chunk_owner(slab) & OWNER_FULL) != 0;
    bool empty = owner_word_read(&slab->bits->handed_out) == 0;
    if (full && !empty && slab_live(slab) < slab_class(slab)->capacity) {
        slab_set_owner(slab, heap_distance_of(heap));
        queue_append(&heap->queues[slab->class], slab);
    } else if (empty && full) {
        release(heap, slab);
    } else if (empty && slab->queued) {
        heap_slab_emptied(heap, slab);
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

/* --- heaps whose thread ends ------------------------------------------------------------------------ */

void heap_flush(struct heap *heap) {
    heap_drain(heap);
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        struct queue *queue = &heap->queues[class];
        struct chunk *slab = queue->current;
        if (slab == NULL) {
            continue;
        }
        queue->current = NULL;
        slab_take_back(slab);
        empty_bin(&heap->bins[class]);
        if (owner_word_read(&slab->bits->handed_out) == 0) {
            release(heap, slab);
        } else {
            put_away(heap, slab, slab_live(slab) < slab_class(slab)->capacity);
        }
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

/* --- after a fork -------------------------------------------------------------------------------- */

static void rebuild_slab(struct chunk *slab, void *argument) {
    struct heap *heap = argument;
    if (owner_heap(chunk_owner(slab)) != heap_distance_of(heap)) {
        return;
    }
    struct chunk_shared *shared = shared_of(slab);
    atomic_store_explicit(&shared->summary, 0, memory_order_relaxed);
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        struct slab_word *word = &slab->bits->word[w];
        uint64_t freed = owner_word_read(&word->freed) | owner_word_read(&word->avail);
        owner_word_write(&word->avail, 0);
        owner_word_write(&word->freed, freed);
        (void)slab_merge_word(heap, slab, w);
    }
    unsigned live = slab_live(slab);
    owner_word_write(&slab->bits->handed_out, live);
    slab->fresh = slab_class(slab)->capacity; /* a refill may have been under way */
    slab_set_owner(slab, heap_distance_of(heap));
    heap->queues[slab->class].slabs++;
    put_away(heap, slab, live < slab_class(slab)->capacity);
}

/* Whose last free was merged just now, with no notification to follow. */
static void release_empty(struct heap *heap, struct queue *queue) {
    for (struct chunk *slab = queue->head, *next; slab != NULL; slab = next) {
        next = shared_of(slab)->next;
        if (owner_word_read(&slab->bits->handed_out) == 0) {
            heap_slab_emptied(heap, slab);
        }
    }
}

void heap_rebuild(struct heap *heap) {
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        empty_bin(&heap->bins[class]);
        heap->queues[class] = (struct queue){0};
    }
    atomic_store_explicit(&heap->notified, NULL, memory_order_relaxed);
    walk_slabs(rebuild_slab, heap);
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        release_empty(heap, &heap->queues[class]);
    }
}
