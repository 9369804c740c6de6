/* The checker is checked: each invariant is violated in turn, must be named, and is then repaired.
 */
#include <string.h>
#include <sys/mman.h>

#include "core/block_lists.h"
#include "core/chunk_map.h"
#include "core/region.h"
#include "core/shared_heap.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/threads.h"
#include "os/os.h"
#include "support/core.h"

/* --- violating and repairing ------------------------------------------------------------------ */

static struct {
    void *where;
    size_t size;
    char before[64];
} pokes[16];
static size_t poked;

static void remember(volatile void *where, size_t size) {
    assert_true(poked < sizeof pokes / sizeof *pokes && size <= sizeof pokes->before);
    pokes[poked].where = (void *)(uintptr_t)where;
    pokes[poked].size = size;
    memcpy(pokes[poked++].before, (void *)(uintptr_t)where, size);
}

static void repair(void) {
    while (poked > 0) {
        poked--;
        memcpy(pokes[poked].where, pokes[poked].before, pokes[poked].size);
    }
}

/* The comma makes a value of the place, whose type is not _Atomic. */
#define POKE(place, value)                                 \
    do {                                                   \
        remember(&(place), sizeof(place));                 \
        (place) = (__typeof__(((void)0, (place))))(value); \
    } while (0)

/* --- a heap with one of everything
 * ----------------------------------------------------------------- */

enum { SMALL = 64, ONE_WORD = 576, LARGE = 3 * CHUNK_SIZE, LONG = 66 * CHUNK_SIZE };

static struct {
    struct heap *heap;   /* the main thread's */
    struct heap *parked; /* of a thread that has ended */
    struct chunk *current, *queued, *full;
    struct chunk *one_word; /* a slab whose bitmap is in the descriptor */
    struct chunk *notified; /* a slab in which another thread freed object 0 */
    struct chunk *large;
    struct block *block;  /* with dirty chunks */
    struct block *beyond; /* not committed */
    struct chunk *free;
    struct chunk *wide;
    struct shared_heap *shared; /* with a large object and a slab, the latest held */
} scene;

static struct chunk *slab_of(void *object) { return chunk_of((uintptr_t)object); }

/* Slabs of SMALL: two full ones, two with one free object each, and the current one. */
static void make_small_slabs(void) {
    enum { SLABS = 4, EACH = 512 };
    static void *objects[SLABS * EACH + 1];
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        objects[i] = take(SMALL);
        assert_non_null(objects[i]);
    }
    scene.full = slab_of(objects[0]);
    give(objects[EACH]);
    give(objects[2 * EACH]);
    scene.queued = slab_of(objects[EACH]);
    scene.current = scene.heap->queues[class_of(SMALL)].current;
}

/* The third slab of a class for which slabs may be wide is. */
static void make_wide_slab(void) {
    size_t size = size_classes[CLASS_COUNT - 1].size;
    do {
        void *object = take(size);
        scene.wide = slab_of(object);
    } while (scene.wide->chunks == 1);
}

static void *allocate_and_end(void *result) {
    *(void **)result = take(SMALL);
    return NULL;
}

/* At the same time as another thread, so that there are two heaps. */
static void *two_allocate_and_end(void *result) {
    *(void **)result = take(SMALL);
    in_thread(allocate_and_end, result);
    return NULL;
}

static void find_block(void) {
    spare_flush(scene.heap);
    (void)chunks_purge_all();
    spare_give(scene.heap, chunks_take(1, CHUNK_SIZE).address); /* its one spare */
    give(take(LARGE));
    assert_int_equal(spare_count(scene.heap), 1);
    scene.block = block_lists.oldest;
    assert_non_null(scene.block);
    scene.free = chunk_of(scene.block->address + lowest_bit(scene.block->free) * CHUNK_SIZE);
    const struct region *last = &regions.region[regions.count - 1];
    assert_true(last->committed < last->reserved);
    scene.beyond = block_of(last->base + last->committed);
}

static int make_scene(void **state) {
    (void)state;
    (void)take(16);
    scene.heap = heap_self();
    make_small_slabs();
    scene.one_word = slab_of(take(ONE_WORD));
    make_wide_slab();
    void *object = take(NARROW_MAX);
    scene.notified = slab_of(object);
    give_remotely(object);
    scene.large = chunk_of((uintptr_t)take(LONG)); /* what follows it is free */
    void *left;
    in_thread(two_allocate_and_end, &left);
    scene.parked = threads_first_parked();
    assert_non_null(scene.parked->next_parked);
    bool zeroed;
    assert_non_null(threads_take_late(class_of(SMALL), &zeroed));
    scene.shared = shared_heap_create(5);
    assert_non_null(shared_heap_allocate(scene.shared, LARGE, GRANULE, &zeroed));
    assert_non_null(shared_heap_allocate(scene.shared, SMALL, GRANULE, &zeroed));
    find_block();
    return 0;
}

static struct bin *bin_of(unsigned class) { return &scene.heap->bins[class]; }
static struct queue *queue_of(unsigned class) { return &scene.heap->queues[class]; }
static struct bin *small_bin(void) { return bin_of(class_of(SMALL)); }
static struct queue *small_queue(void) { return queue_of(class_of(SMALL)); }

/* --- the violations
 * -------------------------------------------------------------------------------- */

static void never_written(void) { POKE(chunk_map.never[7].start, 1); }
static void leaf_misplaced(void) { POKE(chunk_map.leaf_distance[1], 8); }
static void leaf_made_up(void) {
    POKE(chunk_map.leaf_distance[1],
         chunk_map.leaf_distance[regions.region[0].base >> WINDOW_SHIFT]);
}

static void too_many_regions(void) { POKE(regions.count, REGION_LIMIT + 1); }
static void half_a_block(void) { POKE(regions.region[0].committed, CHUNK_SIZE); }
static void committed_too_much(void) {
    POKE(regions.region[0].committed, regions.region[0].reserved + BLOCK_SIZE);
}
static void region_too_high(void) { POKE(regions.region[0].base, (uintptr_t)1 << ADDRESS_BITS); }
static void regions_overlap(void) {
    POKE(regions.region[regions.count], regions.region[0]);
    POKE(regions.count, regions.count + 1);
}
static void region_without_leaf(void) {
    POKE(regions.region[0].base, regions.region[0].base ^ (uintptr_t)1 << 40);
}
static void reserved_sum(void) { POKE(regions.reserved, regions.reserved + BLOCK_SIZE); }
static void committed_sum(void) { POKE(regions.committed, regions.committed - BLOCK_SIZE); }

static void block_address(void) { POKE(scene.block->address, scene.block->address + BLOCK_SIZE); }
static void dirty_not_free(void) {
    POKE(scene.block->dirty, scene.block->dirty | ~scene.block->free);
}
static void longest_wrong(void) { POKE(scene.block->longest, scene.block->longest - 1); }
static void not_waiting(void) { POKE(scene.block->waiting, false); }
static void beyond_written(void) { POKE(scene.beyond->free, 1); }
static void filled_bit_missing(void) { POKE(block_lists.filled, 0); }
static void filled_bit_extra(void) {
    POKE(block_lists.filled, block_lists.filled | ~block_lists.filled);
}
static void bucket_link_wild(void) { POKE(scene.block->next, (struct block *)&scene); }
static void bucket_wrong(void) {
    struct block **bucket = block_lists.bucket;
    POKE(bucket[scene.block->longest], scene.block);
    POKE(bucket[3], scene.block);
    POKE(block_lists.filled, block_lists.filled | UINT64_C(1) << (3 - 1));
}
static void bucket_links_disagree(void) { POKE(scene.block->prev, scene.block); }
static void bucket_cycle(void) {
    POKE(scene.block->next, scene.block);
    POKE(scene.block->prev, NULL);
}
static void bucket_lost(void) {
    struct block *block = scene.block;
    struct block **bucket = block_lists.bucket;
    POKE(bucket[block->longest], NULL);
    POKE(block_lists.filled, block_lists.filled & ~(UINT64_C(1) << (block->longest - 1)));
}
static void waiting_link_wild(void) { POKE(block_lists.oldest, (struct block *)&scene); }
static void waiting_clean(void) {
    POKE(scene.block->dirty, 0);
    POKE(scene.block->waiting, false);
}
static void waiting_links_disagree(void) { POKE((block_lists.oldest)->older, scene.block); }
static void waiting_end(void) { POKE(block_lists.youngest, NULL); }
static void waiting_lost(void) {
    POKE(block_lists.oldest, NULL);
    POKE(block_lists.youngest, NULL);
}
static void taken_wrong(void) { POKE(block_totals.taken, block_totals.taken - 1); }
static void dirty_wrong(void) { POKE(block_totals.dirty, block_totals.dirty + 1); }
static void peak_wrong(void) { POKE(block_totals.taken_peak, 1); }

static void slab_class_wild(void) { POKE(scene.full->class, CLASS_COUNT); }
static void slab_cursor(void) { POKE(scene.one_word->cursor, 1); }
static void slab_fresh(void) { POKE(scene.one_word->fresh, 57); }
static void slab_scan(void) { POKE(scene.one_word->scan, 2); }
static void slab_scan_beyond(void) { POKE(scene.full->scan, 9); }
static void slab_reciprocal(void) { POKE(scene.one_word->reciprocal, 1); }
static void slab_no_reciprocal(void) { POKE(scene.full->reciprocal, 0); }
static void slab_class_other(void) { POKE(scene.full->class, scene.full->class + 1); }
static void slab_kind(void) { POKE(scene.full->kind, CHUNK_RELEASED); }
static void slab_start(void) { POKE(scene.one_word->start, scene.one_word->start + CHUNK_SIZE); }
static void one_word_bits(void) { POKE(scene.one_word->words, scene.full->words); }
static void one_word_remote(void) {
    POKE(shared_of(scene.one_word)->remote, shared_of(scene.full)->remote);
}
static void many_words_bits(void) { POKE(scene.full->words, &scene.full->one); }
static void many_words_remote(void) {
    POKE(shared_of(scene.full)->remote, &shared_of(scene.full)->remote_one);
}
static void bit_of_no_object(void) {
    owner_word *freed = &scene.one_word->one.freed;
    POKE(*freed, *freed & ~(UINT64_C(1) << 60));
}
static void no_object_available(void) {
    owner_word *avail = &scene.one_word->one.avail;
    POKE(*avail, *avail | UINT64_C(1) << 60);
}
static void taken_above_fresh(void) {
    owner_word *freed = &scene.one_word->one.freed;
    POKE(*freed, *freed & ~(UINT64_C(1) << 55));
}
static void freed_twice(void) {
    POKE(scene.notified->words[0].freed, scene.notified->words[0].freed | 1);
}
static void freed_and_available(void) {
    POKE(scene.notified->words[0].avail, scene.notified->words[0].avail | 1);
}
static void in_both_words(void) {
    struct slab_word *word = &scene.current->words[scene.current->cursor];
    POKE(word->freed, word->freed | (word->avail & -word->avail));
}
static void in_both_words_elsewhere(void) {
    struct slab_word *word = &scene.queued->words[0];
    POKE(word->avail, word->freed);
}
/* All equations hold but that of where there may be any. */
static void move_to_avail(struct chunk *slab, unsigned w) {
    struct slab_word *word = &slab->words[w];
    uint64_t bit = word->freed & -word->freed;
    assert_true(bit != 0);
    POKE(word->freed, word->freed & ~bit);
    POKE(word->avail, word->avail | bit);
}
static void available_in_queued(void) { move_to_avail(scene.queued, 0); }
static void available_in_other_word(void) {
    POKE(scene.current->fresh, 128); /* so that this one is used */
    move_to_avail(scene.current, scene.current->cursor + 1u);
}
static void summary_missing(void) { POKE(shared_of(scene.notified)->summary, 2); }
static void owner_wild(void) {
    POKE(scene.full->owner, heap_distance_of((struct heap *)(uintptr_t)&scene) | OWNER_FULL);
}
static void live_marked_free(void) { POKE(scene.full->words[3].freed, 1); }
static void full_with_free(void) {
    POKE(scene.queued->queued, false);
    POKE(scene.queued->owner, heap_distance_of(scene.heap) | OWNER_FULL);
}
static void full_and_queued(void) { POKE(scene.full->queued, true); }
static void full_and_watched(void) {
    POKE(scene.full->owner, heap_distance_of(scene.heap) | OWNER_FULL | OWNER_WATCHED);
}
static void watched_not_full(void) {
    POKE(scene.queued->owner, heap_distance_of(scene.heap) | OWNER_WATCHED);
}
static void condemned_not_full(void) {
    POKE(scene.queued->owner, heap_distance_of(scene.heap) | OWNER_EMPTIED);
}
static void condemned_with_remote(void) {
    POKE(scene.full->owner, heap_distance_of(scene.heap) | OWNER_FULL | OWNER_EMPTIED);
    POKE(shared_of(scene.full)->remote[3], 1);
}
static void full_with_hole(void) { POKE(scene.full->purged, 4); }
static void full_and_current(void) {
    for (unsigned w = 0; w < slab_class(scene.current)->words; w++) {
        POKE(scene.current->words[w].freed, 0);
    }
    POKE(scene.current->fresh, slab_class(scene.current)->capacity);
    POKE(scene.current->owner, heap_distance_of(scene.heap) | OWNER_FULL);
}
static void full_untagged(void) { POKE(scene.full->owner, heap_distance_of(scene.heap)); }
static void queued_and_empty(void) {
    for (unsigned w = 0; w < slab_class(scene.queued)->words; w++) {
        POKE(scene.queued->words[w].freed, ~UINT64_C(0));
    }
}
static void queued_and_current(void) { POKE(scene.current->queued, true); }

static void wide_chunks(void) { POKE(scene.wide->chunks, 3); }
static void narrow_chunks(void) { POKE(scene.one_word->chunks, WIDE_CHUNKS); }
static void wide_capacity(void) { POKE(scene.wide->capacity, scene.wide->capacity - 1); }
static void wide_body_kind(void) { POKE(scene.wide[1].kind, CHUNK_RELEASED); }
static void wide_body_owner(void) { POKE(scene.wide[2].owner, scene.wide[2].owner | OWNER_FULL); }
static void wide_body_start(void) { POKE(scene.wide[3].start, scene.wide->start + 3 * CHUNK_SIZE); }
static void wide_body_words(void) { POKE(scene.wide[7].words, &scene.wide[7].one); }
static void wide_body_reciprocal(void) { POKE(scene.wide[4].reciprocal, 0); }
static void wide_body_class(void) { POKE(scene.wide[5].class, WIDE_FROM_CLASS); }
static void wide_body_capacity(void) { POKE(scene.wide[6].capacity, 6); }
static void wide_body_noted(void) { POKE(scene.wide[6].noted, true); }
static void body_alone(void) { POKE(scene.wide->kind, CHUNK_RELEASED); }

static void large_owner(void) { POKE(scene.large->owner, OWNER_NONE); }
static void large_chunks(void) { POKE(scene.large->large.chunks, 2); }
static void large_bytes(void) { POKE(scene.large->large.bytes, LONG + CHUNK_SIZE); }
static void large_start(void) { POKE(scene.large->start, scene.large->start - CHUNK_SIZE); }
static void large_body(void) { POKE(scene.large[1].kind, CHUNK_LARGE); }
static void large_forgotten(void) {
    POKE(scene.large->kind, CHUNK_RELEASED);
    POKE(scene.large->owner, OWNER_NONE);
}
static void large_not_taken(void) {
    POKE(scene.large->large.chunks, LONG / CHUNK_SIZE + 1);
    POKE(scene.large->large.bytes, LONG + CHUNK_SIZE);
}
static void free_is_slab(void) { POKE(scene.free->kind, CHUNK_SLAB); }
static void free_reciprocal(void) { POKE(scene.free->reciprocal, 1); }
static void large_reciprocal(void) { POKE(scene.large->reciprocal, 1); }
static void body_reciprocal(void) { POKE(scene.large[5].reciprocal, 1); }
static void free_has_owner(void) { POKE(scene.free->owner, OWNER_LARGE); }
static void body_has_owner(void) { POKE(scene.large[1].owner, heap_distance_of(scene.heap)); }

/* The current slab looks as if it were queued. */
static void retire_current(void) {
    struct slab_word *word = &scene.current->words[scene.current->cursor];
    POKE(word->freed, word->freed | word->avail);
    POKE(word->avail, 0);
    POKE(scene.current->queued, true);
}

/* The bin of the heap looks as if it had used up a handful of the slab's. */
static void make_current(struct heap *heap, struct chunk *slab) {
    struct bin *bin = &heap->bins[slab->class];
    POKE(*bin, ((struct bin){.avail = &slab->words[slab->cursor].avail,
                             .base = slab->start + slab->cursor * 64ul * slab_class(slab)->size,
                             .size = slab_class(slab)->size}));
    POKE(heap->queues[slab->class].current, slab);
}

/* The only queued slab of the parked heap is current in both heaps. */
static void current_of_parked(void) {
    struct queue *queue = &scene.parked->queues[class_of(SMALL)];
    retire_current();
    POKE(small_queue()->current, queue->head);
    make_current(scene.parked, queue->head);
    POKE(queue->head->queued, false);
    POKE(queue->head, NULL);
    POKE(queue->tail, NULL);
}
static void bin_without_slab(void) {
    POKE(bin_of(class_of(48))->avail, &scene.full->words[0].avail);
}
static void slab_without_bin(void) {
    POKE(small_bin()->avail, (owner_word *)(uintptr_t)&no_objects);
}
static void bin_word(void) { POKE(small_bin()->avail, &scene.current->words[1].avail); }
static void bin_freed(void) { POKE(small_bin()->avail, &scene.current->words[0].freed); }
static void bin_size(void) { POKE(small_bin()->size, SMALL + 16); }
static void bin_base(void) { POKE(small_bin()->base, small_bin()->base + SMALL); }
static void bin_not_zero(void) {
    struct bin *bin = small_bin();
    assert_true(bin->zeroed);
    uint64_t *object = (uint64_t *)(bin->base + lowest_bit(*bin->avail) * bin->size);
    POKE(*object, 1);
}
static void queue_link_foreign(void) { POKE(small_queue()->head, scene.full); }
static void queue_link_wild(void) { POKE(small_queue()->head, (struct chunk *)&scene); }
static void queue_unmarked(void) {
    retire_current();
    make_current(scene.heap, scene.queued);
    POKE(scene.queued->queued, false);
}
static void queue_links_disagree(void) { POKE(shared_of(scene.queued)->prev, scene.queued); }
static void queue_tail(void) { POKE(small_queue()->tail, NULL); }
static void queue_lost(void) {
    POKE(small_queue()->head, NULL);
    POKE(small_queue()->tail, NULL);
}
static void queue_count(void) { POKE(small_queue()->slabs, small_queue()->slabs + 1); }

/* The heap's one spare stays what it is counted as, so that it is this check that finds it. */
static void spare_wild(void) { POKE(scene.heap->spares[0], (uintptr_t)1 << 40); }
static void spare_interior(void) { POKE(scene.heap->spares[0], scene.heap->spares[0] + 16); }
static void spare_free(void) {
    uint64_t free = scene.block->free;
    POKE(scene.heap->spares[0], scene.block->address + lowest_bit(free) * CHUNK_SIZE);
}
static void spare_in_use(void) { POKE(scene.heap->spares[0], scene.full->start); }
static void spare_twice(void) { POKE(scene.heap->spares[1], scene.heap->spares[0]); }
static void spare_of_parked(void) {
    POKE(scene.parked->spares[0], scene.heap->spares[0]);
    POKE(scene.heap->spares[0], 0);
}

static void notification_lost(void) { POKE(scene.heap->notified, NULL); }
static void notification_wild(void) { POKE(scene.heap->notified, (struct chunk *)&scene); }
static void notified_twice(void) { POKE(shared_of(scene.notified)->notified, scene.notified); }
static void notified_for_nothing(void) { POKE(shared_of(scene.notified)->notified, scene.full); }

static struct chunk *held(void) { return scene.shared->books.held; }
static void held_wild(void) { POKE(scene.shared->books.held, (struct chunk *)&scene); }
static void held_links_disagree(void) { POKE(shared_of(held())->prev_held, held()); }
static void held_not_owned(void) { POKE(scene.shared->books.held, scene.full); }
static void held_too_little(void) { POKE(scene.shared->books.chunks, 1); }
static void held_too_much(void) { POKE(scene.shared->books.chunks, 5); }
static void held_slab_lost(void) {
    POKE(shared_of(shared_of(held())->next_held)->prev_held, NULL);
    POKE(scene.shared->books.held, shared_of(held())->next_held);
}
static void held_peak(void) { POKE(scene.shared->books.peak, 1); }
static void held_limit(void) { POKE(scene.shared->books.limit, 1); }

static void heap_state(void) { POKE(scene.heap->state, 0); }
static void heap_lost(void) { POKE(scene.parked->state, HEAP_LOST); }
static void parked_active(void) { POKE(scene.parked->state, HEAP_ACTIVE); }
static void parked_running(void) { POKE(scene.parked->next_parked, scene.heap); }
static void parked_lost(void) { POKE(scene.parked->next_parked, NULL); }
static void parked_late(void) { POKE(scene.parked->next_parked, threads_late_heap()); }
static void parked_wild(void) { POKE(scene.parked->next_parked, (struct heap *)&scene); }
static void parked_cycle(void) { POKE(scene.parked->next_parked, scene.parked); }
static void parked_with_bin(void) {
    struct queue *queue = &scene.parked->queues[class_of(SMALL)];
    POKE(queue->head->queued, false);
    make_current(scene.parked, queue->head);
    POKE(queue->head, NULL);
    POKE(queue->tail, NULL);
}

/* It lies in memory that can't be written. */
static struct heap *writable_none(void) {
    uintptr_t heap = (uintptr_t)&heap_origin.none;
    uintptr_t page = round_down(heap, os_page_size());
    size_t size = round_up(heap + sizeof heap_origin.none - page, os_page_size());
    assert_int_equal(mprotect((void *)page, size, PROT_READ | PROT_WRITE), 0);
    __asm__("" : "+r"(heap)); /* a compiler drops what it sees written to a constant */
    return (struct heap *)heap;
}
static void none_written(void) { POKE(writable_none()->counters.refills, 1); }
static void none_with_bin(void) { POKE(writable_none()->bins[7].avail, small_bin()->avail); }
static void none_with_current(void) { POKE(writable_none()->queues[7].current, scene.current); }

static const struct violation {
    const char *name;
    void (*violate)(void);
    const char *what;
} violations[] = {
#define ROW(violate, what) \
    { #violate, violate, what }
    ROW(never_written, "the descriptors of addresses that were never given out are zero"),
    ROW(leaf_misplaced, "leaves are aligned"),
    ROW(leaf_made_up, "all leaves are in the chunk map"),
    ROW(too_many_regions, "there are at most REGION_LIMIT regions"),
    ROW(half_a_block, "regions consist of whole blocks"),
    ROW(committed_too_much, "what is committed of a region is reserved"),
    ROW(region_too_high, "regions lie where the chunk map reaches"),
    ROW(regions_overlap, "regions do not overlap"),
    ROW(region_without_leaf, "regions are covered by leaves"),
    ROW(reserved_sum, "regions.reserved is the sum over the regions"),
    ROW(committed_sum, "regions.committed is the sum over the regions"),
    ROW(block_address, "a committed block knows its address"),
    ROW(dirty_not_free, "dirty chunks are free"),
    ROW(longest_wrong, "longest is the longest run of free chunks"),
    ROW(not_waiting, "a block waits while it has dirty chunks"),
    ROW(beyond_written, "a block that is not committed is zero"),
    ROW(filled_bit_missing, "a bit of filled says that its bucket is not empty"),
    ROW(filled_bit_extra, "a bit of filled says that its bucket is not empty"),
    ROW(bucket_link_wild, "the link of a bucket leads to a block"),
    ROW(bucket_wrong, "a block is in the bucket of its longest run"),
    ROW(bucket_links_disagree, "the links of a bucket agree"),
    ROW(bucket_cycle, "the links of a bucket agree"),
    ROW(bucket_lost, "every block is in a bucket"),
    ROW(waiting_link_wild, "the link of the waiting list leads to a block"),
    ROW(waiting_clean, "a block in the waiting list has dirty chunks"),
    ROW(waiting_links_disagree, "the links of the waiting list agree"),
    ROW(waiting_end, "the waiting list ends with the youngest"),
    ROW(waiting_lost, "every block with dirty chunks is in the waiting list"),
    ROW(taken_wrong, "taken and free chunks are all committed ones"),
    ROW(dirty_wrong, "block_totals.dirty counts the dirty chunks"),
    ROW(peak_wrong, "no more is taken than at the peak"),
    ROW(slab_class_wild, "a slab has a size class"),
    ROW(slab_cursor, "the cursor is a word of the bitmap"),
    ROW(slab_fresh, "fresh is at most the capacity"),
    ROW(slab_scan, "the search goes on in the bitmap or is at its end"),
    ROW(slab_scan_beyond, "the search goes on in the bitmap or is at its end"),
    ROW(slab_reciprocal, "a slab has its class's reciprocal"),
    ROW(slab_no_reciprocal, "a slab has its class's reciprocal"),
    ROW(slab_class_other, "a slab has its class's reciprocal"),
    ROW(slab_kind, "only slabs and large objects have an owner"),
    ROW(slab_start, "a slab starts at its chunk"),
    ROW(one_word_bits, "a bitmap of one pair is in the descriptor"),
    ROW(one_word_remote, "one remote word is in the descriptor"),
    ROW(many_words_bits, "a bitmap of several pairs is in a table"),
    ROW(many_words_remote, "the remote words follow the bitmap on lines of their own"),
    ROW(bit_of_no_object, "bits of no object are set in freed"),
    ROW(no_object_available, "bits of no object are never available"),
    ROW(taken_above_fresh, "no object above fresh was handed out"),
    ROW(freed_twice, "what is freed remotely is not free"),
    ROW(freed_and_available, "what is freed remotely is not free"),
    ROW(in_both_words, "an object is in one word of its pair at most"),
    ROW(in_both_words_elsewhere, "an object is in one word of its pair at most"),
    ROW(available_in_queued, "only a bin's own word has objects available"),
    ROW(available_in_other_word, "only a bin's own word has objects available"),
    ROW(summary_missing, "the summary has a bit for each remote word in use"),
    ROW(owner_wild, "the owner of a slab is a heap"),
    ROW(live_marked_free, "a slab tagged full has no free object"),
    ROW(full_with_free, "a slab tagged full has no free object"),
    ROW(full_and_queued, "a slab tagged full is queued exactly if it is watched"),
    ROW(full_and_watched, "a slab tagged full is queued exactly if it is watched"),
    ROW(watched_not_full, "a watched or a condemned slab is tagged full"),
    ROW(condemned_not_full, "a watched or a condemned slab is tagged full"),
    ROW(condemned_with_remote, "a condemned slab has no remote frees"),
    ROW(full_with_hole, "a slab that is full has no holes"),
    ROW(full_and_current, "the current slab is not tagged full"),
    ROW(full_untagged, "a slab is either current or queued, or tagged full"),
    ROW(queued_and_current, "a slab is either current or queued, or tagged full"),
    ROW(queued_and_empty, "a queued slab has a live object"),
    ROW(wide_chunks, "a slab is one chunk, or a wide one"),
    ROW(narrow_chunks, "a slab is one chunk, or a wide one"),
    ROW(wide_capacity, "a slab has as many objects as fit, or ends in a guard page"),
    ROW(wide_body_kind, "the further chunks of a slab are marked so"),
    ROW(wide_body_owner, "all chunks of a slab have its owner"),
    ROW(wide_body_start, "the further chunks of a slab repeat what free looks at"),
    ROW(wide_body_words, "the further chunks of a slab repeat what free looks at"),
    ROW(wide_body_reciprocal, "the further chunks of a slab repeat what free looks at"),
    ROW(wide_body_class, "the further chunks of a slab repeat what free looks at"),
    ROW(wide_body_capacity, "the further chunks of a slab repeat what free looks at"),
    ROW(wide_body_noted, "the further chunks of a slab repeat what free looks at"),
    ROW(body_alone, "only slabs and large objects have an owner"),
    ROW(large_owner, "a large object's owner says so"),
    ROW(large_chunks, "a large object has the chunks that its bytes need"),
    ROW(large_bytes, "a large object has the chunks that its bytes need"),
    ROW(large_start, "a large object starts at its head"),
    ROW(large_body, "the chunks in a large object are nothing else's"),
    ROW(large_forgotten, "every taken chunk is a slab's, a large object's or a spare"),
    ROW(large_not_taken, "the chunks of a large object are taken"),
    ROW(free_is_slab, "a free chunk is neither a slab nor a large object"),
    ROW(free_reciprocal, "only slabs have a reciprocal"),
    ROW(large_reciprocal, "only slabs have a reciprocal"),
    ROW(body_reciprocal, "only slabs have a reciprocal"),
    ROW(free_has_owner, "a free chunk has no owner"),
    ROW(body_has_owner, "the chunks in a large object are nothing else's"),
    ROW(current_of_parked, "the current slab is the heap's own"),
    ROW(bin_without_slab, "a bin without a current slab has no objects"),
    ROW(slab_without_bin, "a bin points at the current slab's word"),
    ROW(bin_word, "a bin points at the current slab's word"),
    ROW(bin_freed, "a bin points at the current slab's word"),
    ROW(bin_size, "a bin has the size of its class"),
    ROW(bin_base, "a bin's base is its word's first object"),
    ROW(bin_not_zero, "objects of a zeroed bin read as zero"),
    ROW(queue_link_foreign, "a slab in a queue is marked so"),
    ROW(queue_link_wild, "a queued slab is the heap's own"),
    ROW(queue_unmarked, "a slab in a queue is marked so"),
    ROW(queue_links_disagree, "the links of a queue agree"),
    ROW(queue_tail, "a queue ends with its tail"),
    ROW(queue_lost, "a slab marked queued is in the queue"),
    ROW(queue_count, "queue.slabs counts the slabs of the class"),
    ROW(spare_wild, "a spare is a chunk"),
    ROW(spare_interior, "a spare is a chunk"),
    ROW(spare_free, "a spare is taken"),
    ROW(spare_in_use, "a spare is marked so, and nobody's"),
    ROW(spare_twice, "every taken chunk is a slab's, a large object's or a spare"),
    ROW(spare_of_parked, "a parked heap has no spares"),
    ROW(notification_lost, "a slab with a summary is in a list"),
    ROW(notification_wild, "a notification leads to a descriptor"),
    ROW(notified_twice, "a slab is in one list of notified slabs"),
    ROW(notified_for_nothing, "a notified slab has a summary"),
    ROW(held_wild, "what a heap holds is a chunk"),
    ROW(held_links_disagree, "the links of what a heap holds agree"),
    ROW(held_not_owned, "what a heap holds is its own"),
    ROW(held_too_little, "books.chunks counts what a heap holds"),
    ROW(held_too_much, "books.chunks counts what a heap holds"),
    ROW(held_slab_lost, "a heap's slabs are in its books"),
    ROW(held_peak, "books.peak is the most that it was"),
    ROW(held_limit, "a heap holds no more than its limit"),
    ROW(heap_state, "a heap is active, parked, lost or shared"),
    ROW(heap_lost, "heaps are lost in a fork only"),
    ROW(parked_active, "parked_count counts the parked heaps"),
    ROW(parked_running, "a heap in the parked list is parked"),
    ROW(parked_lost, "every parked heap is in the parked list"),
    ROW(parked_late, "the late heap is in no list"),
    ROW(parked_wild, "the link of the parked list leads to a heap"),
    ROW(parked_cycle, "a heap is in the parked list once"),
    ROW(parked_with_bin, "the bins of a parked heap are empty"),
    ROW(none_written, "the heap of threads without one is never written"),
    ROW(none_with_bin, "the heap of threads without one is never written"),
    ROW(none_with_current, "the heap of threads without one is never written"),
#undef ROW
};

static void test_violations(void **state) {
    (void)state;
    assert_intact();
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) {
        const struct violation *violation = &violations[i];
        violation->violate();
        struct checker_finding finding;
        bool holds = checker_run(&finding);
        repair();
        if (holds || strcmp(finding.what, violation->what) != 0 || finding.address == 0) {
            print_error("%s was found as: %s\n", violation->name, holds ? "" : finding.what);
            wrong++;
        }
        assert_intact();
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_violations)};
    return cmocka_run_group_tests(tests, make_scene, NULL);
}
