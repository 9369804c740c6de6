#include "base/bits.h"
#include "core/checker_parts.h"
#include "core/chunk_map.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/threads.h"

bool checker_is_heap(const struct heap *candidate) {
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (heap == candidate) {
            return true;
        }
    }
    return false;
}

static enum heap_state state_of(const struct heap *heap) {
    return (enum heap_state)atomic_load_explicit(&heap->state, memory_order_relaxed);
}

/* Whether a link leads to a slab of this heap and class that is not tagged full. */
static bool is_open_slab(const struct heap *heap, const struct chunk *slab, unsigned class) {
    return checker_chunk_address(slab) != 0 && chunk_is(slab, CHUNK_SLAB) &&
           slab->start == checker_chunk_address(slab) && slab->class == class &&
           owner_heap(chunk_owner(slab)) == heap_distance_of(heap);
}

/* --- bins
 * --------------------------------------------------------------------------------------------- */

static bool reads_as_zero(uintptr_t object, size_t size) {
    const uint64_t *word = (const uint64_t *)object;
    for (size_t i = 0; i < size / sizeof *word; i++) {
        if (word[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool check_zeroed(const struct checker *checker, const struct bin *bin) {
    uint64_t rest = bin->zeroed != 0 ? owner_word_read(bin->avail) : 0;
    for (; rest != 0; rest &= rest - 1) {
        EXPECT(reads_as_zero(bin->base + lowest_bit(rest) * bin->size, bin->size),
               "objects of a zeroed bin read as zero", bin);
    }
    return true;
}

static bool is_empty(const struct heap *heap, unsigned class) {
    return heap->queues[class].current == NULL && heap->bins[class].avail == &no_objects;
}

static bool check_bin(const struct checker *checker, const struct heap *heap, unsigned class) {
    const struct bin *bin = &heap->bins[class];
    const struct chunk *slab = heap->queues[class].current;
    if (slab == NULL) {
        EXPECT(is_empty(heap, class), "a bin without a current slab has no objects", bin);
        return true;
    }
    EXPECT(is_open_slab(heap, slab, class), "the current slab is the heap's own", heap);
    EXPECT((chunk_owner(slab) & OWNER_FULL) == 0, "the current slab is not tagged full", slab);
    unsigned w = slab->cursor;
    EXPECT(bin->avail == &slab->words[w].avail, "a bin points at the current slab's word", bin);
    EXPECT(bin->size == slab_class(slab)->size, "a bin has the size of its class", bin);
    EXPECT(bin->base == slab->start + (uintptr_t)w * 64 * bin->size,
           "a bin's base is its word's first object", bin);
    return check_zeroed(checker, bin);
}

/* --- queues
 * ------------------------------------------------------------------------------------------- */

struct holdings {
    const struct heap *heap;
    uint32_t slabs[CLASS_COUNT];
    uint32_t queued[CLASS_COUNT];
};

static bool count_slab(struct chunk *slab, void *argument) {
    struct holdings *holdings = argument;
    if (owner_heap(chunk_owner(slab)) == heap_distance_of(holdings->heap)) {
        holdings->slabs[slab->class]++;
        holdings->queued[slab->class] += slab->queued;
    }
    return true;
}

static bool check_queue(const struct checker *checker, const struct heap *heap, unsigned class,
                        const struct holdings *holdings) {
    const struct queue *queue = &heap->queues[class];
    uint32_t left = holdings->queued[class];
    struct chunk *before = NULL;
    for (struct chunk *slab = queue->head; slab != NULL; slab = shared_of(slab)->next) {
        EXPECT(is_open_slab(heap, slab, class), "a queued slab is the heap's own", queue);
        EXPECT(slab->queued, "a slab in a queue is marked so", slab);
        EXPECT(shared_of(slab)->prev == before, "the links of a queue agree", slab);
        EXPECT(left-- != 0, "a slab is in a queue once", slab);
        before = slab;
    }
    EXPECT(queue->tail == before, "a queue ends with its tail", queue);
    EXPECT(left == 0, "a slab marked queued is in the queue", queue);
    EXPECT(queue->slabs == holdings->slabs[class], "queue.slabs counts the slabs of the class",
           queue);
    return true;
}

/* --- spare chunks
 * ------------------------------------------------------------------------------------ */

static bool check_spares(const struct checker *checker, const struct heap *heap) {
    for (unsigned i = 0; i < HEAP_SPARES; i++) {
        uintptr_t address = atomic_load_explicit(&heap->spares[i], memory_order_relaxed);
        if (address == 0) {
            continue;
        }
        const struct block *block = block_of(address);
        EXPECT(address % CHUNK_SIZE == 0 && block != NULL && block->address != 0,
               "a spare is a chunk", &heap->spares[i]);
        EXPECT((block->free >> address / CHUNK_SIZE % CHUNKS_PER_BLOCK & 1) == 0,
               "a spare is taken", &heap->spares[i]);
        const struct chunk *chunk = chunk_of(address);
        EXPECT(chunk_is(chunk, CHUNK_SPARE) && chunk_owner(chunk) == OWNER_NONE,
               "a spare is marked so, and nobody's", &heap->spares[i]);
    }
    return true;
}

/* --- notifications
 * ------------------------------------------------------------------------------------ */

static bool check_notified(const struct checker *checker, const struct heap *heap, size_t *left) {
    struct chunk *slab = atomic_load_explicit(&heap->notified, memory_order_relaxed);
    while (slab != NULL) {
        EXPECT(checker_chunk_address(slab) != 0, "a notification leads to a descriptor", heap);
        struct chunk_shared *shared = shared_of(slab);
        EXPECT(atomic_load_explicit(&shared->summary, memory_order_relaxed) != 0,
               "a notified slab has a summary", slab);
        EXPECT((*left)-- != 0, "a slab is in one list of notified slabs", slab);
        slab = atomic_load_explicit(&shared->notified, memory_order_relaxed);
    }
    return true;
}

/* --- heaps
 * --------------------------------------------------------------------------------------------- */

static bool check_heap(const struct checker *checker, const struct heap *heap, size_t *notified) {
    enum heap_state state = state_of(heap);
    EXPECT(state == HEAP_ACTIVE || state == HEAP_PARKED || state == HEAP_LOST ||
               (state == HEAP_SHARED && heap->shared != NULL),
           "a heap is active, parked, lost or shared", heap);
    if (state == HEAP_LOST) {
        EXPECT(checker->after_fork, "heaps are lost in a fork only", heap);
        return true;
    }
    struct holdings holdings = {.heap = heap};
    (void)checker_each_slab(count_slab, &holdings);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        if (!check_bin(checker, heap, c) || !check_queue(checker, heap, c, &holdings)) {
            return false;
        }
    }
    if (heap->shared != NULL && !checker->after_fork && !checker_books(checker, heap->shared)) {
        return false;
    }
    return check_spares(checker, heap) &&
           (checker->after_fork || check_notified(checker, heap, notified));
}

static bool check_flushed(const struct checker *checker, const struct heap *heap) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        EXPECT(is_empty(heap, c), "the bins of a parked heap are empty", heap);
    }
    EXPECT(spare_count(heap) == 0, "a parked heap has no spares", heap);
    return true;
}

/* `parked`: how many heaps are in that state, the late one excepted. */
static bool check_parking(const struct checker *checker, size_t parked) {
    EXPECT(threads_parked_count() == parked, "parked_count counts the parked heaps",
           threads_first_parked());
    for (const struct heap *heap = threads_first_parked(); heap != NULL; heap = heap->next_parked) {
        EXPECT(checker_is_heap(heap), "the link of the parked list leads to a heap", heap);
        EXPECT(state_of(heap) == HEAP_PARKED, "a heap in the parked list is parked", heap);
        EXPECT(heap != threads_late_heap(), "the late heap is in no list", heap);
        EXPECT(parked-- != 0, "a heap is in the parked list once", heap);
        if (!check_flushed(checker, heap)) {
            return false;
        }
    }
    EXPECT(parked == 0, "every parked heap is in the parked list", threads_first_parked());
    return true;
}

static bool check_none(const struct checker *checker) {
    static struct heap untouched;
    heap_start(&untouched);
    EXPECT(__builtin_memcmp(&heap_origin.none, &untouched, sizeof untouched) == 0 &&
               owner_word_read(untouched.bins[0].avail) == 0,
           "the heap of threads without one is never written", &heap_origin);
    return true;
}

bool checker_heaps(const struct checker *checker) {
    size_t parked = 0, notified = checker->notified;
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (!check_heap(checker, heap, &notified)) {
            return false;
        }
        parked += state_of(heap) == HEAP_PARKED && heap != threads_late_heap() &&
                  heap->shared == NULL && !heap->retired;
    }
    EXPECT(checker->after_fork || notified == 0, "a slab with a summary is in a list",
           threads_first_heap());
    return check_parking(checker, parked) && check_none(checker);
}
