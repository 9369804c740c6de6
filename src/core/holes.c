#include "core/holes.h"

#include "base/bits.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/interceptor.h"
#include "core/limit.h"
#include "core/prefault.h"
#include "core/regain.h"
#include "core/slab.h"

enum {
    QUIET = 4,     /* slow frees in a row without a refill: the class is shrinking */
    MANY = 32,     /* slabs of a class: with fewer there is little to gain, and one of them that is
                   watched would make too large a part of all frees slow; wide ones are more */
    TRUST = 64,    /* pages that may come into use again before anything is concluded from it */
    PROVEN = 1024, /* purged pages of which few came into use again */
    PROVEN_MS = 4000,      /* within so long: all is forgiven */
    PAUSE_FIRST_MS = 2000, /* the first time it was in vain; then twice as long, and so on, */
    PAUSE_MS = 10000,      /* up to this */
    LOOKS_A_CLOCK = 64,    /* so many looks ask for the time once */
    FEW_WAITING = 16,      /* ranges for a system call */
    SETTLE = 8,            /* slow frees in a row without any refill: the heap is shrinking; looked
                            at again after as many and */
    SETTLE_SHARE = 4,      /* such a share of its slabs; */
    SETTLE_MANY = 64,      /* after so many where a class has many; */
    SETTLE_LONG = 512,     /* of so many it is done to any heap */
    SETTLE_PAUSE_MS = 5    /* before it is done again to a heap that took objects meanwhile */
};

/* Pages of a chunk are counted in bits of chunk.purged: with pages so large that a chunk has one
 * there are no holes. */
static unsigned page_count(void) { return (unsigned)(CHUNK_SIZE / os_page_size()); }

static struct os_range range_of(uintptr_t waiting) {
    size_t page = os_page_size();
    return (struct os_range){round_down(waiting, page), waiting % page * page};
}

void holes_flush(struct heap *heap) {
    struct holes *holes = &heap->holes;
    struct os_range ranges[HOLES_WAITING];
    for (uint32_t i = 0; i < holes->count; i++) {
        ranges[i] = range_of(holes->range[i]);
        regain_note_split(ranges[i].address);
    }
    bool all = holes->count > 1 && os_purge_ranges(ranges, holes->count);
    for (uint32_t i = 0; i < holes->count; i++) {
        bool purged = all || os_purge((void *)ranges[i].address, ranges[i].size);
        heap->counters.hole_bytes += purged ? ranges[i].size : 0;
    }
    holes->count = 0;
}

/* A class with few slabs has few ranges waiting, as these count as memory that is kept. */
static void give_back(struct heap *heap, unsigned class, uintptr_t address, size_t pages) {
    struct holes *holes = &heap->holes;
    holes->range[holes->count++] = address + pages;
    if (holes->count == HOLES_WAITING ||
        (holes->count >= FEW_WAITING && holes->count >= queue_slabs(&heap->queues[class]) / 2)) {
        holes_flush(heap);
    }
}

/* What waits of the slab stays. */
static void forget_waiting(struct heap *heap, const struct chunk *slab) {
    struct holes *holes = &heap->holes;
    for (uint32_t i = 0; i < holes->count;) {
        if (holes->range[i] - slab->start < slab_bytes(slab)) {
            holes->range[i] = holes->range[--holes->count];
        } else {
            i++;
        }
    }
}

void holes_fill(struct heap *heap, struct chunk *slab) {
    if (heap->guard != NULL) {
        holes_flush(heap); /* its notes say that these pages went */
    } else {
        forget_waiting(heap, slab);
    }
    if (!regain(slab->start)) {
        prefault_holes(slab);
    }
    for (unsigned i = 0; i < slab->chunks; i++) {
        heap->holes.refilled_pages += count_bits(slab[i].purged);
        slab[i].purged = 0;
    }
}

void holes_forget(struct heap *heap, const struct chunk *slab) {
    for (unsigned i = 0; i < slab->chunks; i++) {
        heap->holes.refilled_pages += count_bits(slab[i].purged) / 2; /* it would have gone whole */
    }
    forget_waiting(heap, slab);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Whether all objects first .. last are free; those behind the last object of the slab are. */
static bool are_free(const struct chunk *slab, unsigned first, unsigned last) {
    for (unsigned w = first / 64; w <= last / 64; w++) {
        uint64_t wanted = w == last / 64 ? low_mask(last % 64 + 1) : ~UINT64_C(0);
        wanted &= w == first / 64 ? ~low_mask(first % 64) : ~UINT64_C(0);
        if ((owner_word_read(&slab->words[w].freed) & wanted) != wanted) {
            return false;
        }
    }
    return true;
}

/* The pages on which nothing is live, a bit for each, of the chunk that begins there. */
static unsigned find_holes(const struct chunk *slab, uintptr_t address) {
    size_t page = os_page_size();
    unsigned holes = 0;
    bool exact;
    for (unsigned p = 0; p < page_count(); p++) {
        uintptr_t from = address + p * page;
        unsigned first = (unsigned)object_index(slab, from, &exact);
        unsigned last = (unsigned)object_index(slab, from + page - 1, &exact);
        holes |= (unsigned)are_free(slab, first, last) << p;
    }
    return holes;
}

/* Whether a quarter of what was live the last time was freed since (or objects were handed out);
 * notes how much is live now. */
static bool has_changed(struct chunk *slab) {
    unsigned live = slab_live(slab), before = slab->live_before;
    bool changed = live < before - before / 4 || live > before;
    slab->live_before = changed ? (uint16_t)live : slab->live_before;
    return changed;
}

static void look_at_chunk(struct heap *heap, struct chunk *slab, unsigned i) {
    uintptr_t address = slab->start + i * CHUNK_SIZE;
    if (regain_has(address)) {
        heap->holes.refilled_pages += count_bits(slab[i].purged); /* with others of their block */
        slab[i].purged = 0;
    }
    unsigned new_holes = find_holes(slab, address) & ~(unsigned)slab[i].purged;
    slab[i].purged |= (uint8_t)new_holes;
    heap->holes.purged_pages += count_bits(new_holes);
    while (new_holes != 0) {
        unsigned first = lowest_bit(new_holes);
        unsigned length = lowest_bit(~(new_holes >> first));
        uintptr_t from = address + first * os_page_size();
        if (heap->guard != NULL) {
            interceptor->memory_goes(slab, from, from + length * os_page_size());
        }
        give_back(heap, slab->class, from, length);
        new_holes &= ~((unsigned)low_mask(length) << first);
    }
}

/* It is in a huge page, and at least half of its own pages are needed: the others are no reason to
 * split that, which costs whoever uses what stays a page fault for each page; unless memory is
 * short. */
static bool stays_whole(const struct chunk *slab) {
    unsigned holes = 0;
    if (!block_is_huge(block_of(slab->start)) || limit_presses()) {
        return false;
    }
    for (unsigned i = 0; i < slab->chunks; i++) {
        holes += count_bits(find_holes(slab, slab->start + i * CHUNK_SIZE));
    }
    return holes <= slab->chunks * page_count() / 2;
}

static void look_at(struct heap *heap, struct chunk *slab) {
    if (has_changed(slab) && !stays_whole(slab)) {
        for (unsigned i = 0; i < slab->chunks; i++) {
            look_at_chunk(heap, slab, i);
        }
    }
}

static unsigned many(unsigned class) { return MANY / size_classes[class].chunks; }

static bool is_shrinking(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    uint32_t handed = (uint32_t)heap->bins[class].handed;
    queue->quiet = handed == queue->handed_before ? queue->quiet + 1 : 0;
    queue->handed_before = handed;
    return queue->quiet >= QUIET;
}

static void begin_count(struct holes *holes, uint64_t now_ms) {
    holes->purged_pages = holes->refilled_pages = 0;
    holes->since_ms = now_ms;
}

/* Not for a while if more than half of what went came into use again. */
static bool is_worth_it(struct holes *holes) {
    if (holes->pause_ms != 0) {
        if (++holes->looks % LOOKS_A_CLOCK != 0 ||
            os_clock_ms() - holes->since_ms < holes->pause_ms) {
            return false;
        }
        holes->pause_ms = 0;
        begin_count(holes, os_clock_ms());
    }
    if (holes->refilled_pages > holes->purged_pages / 2 + TRUST) {
        holes->pause_ms = holes->next_pause_ms == 0 ? PAUSE_FIRST_MS : holes->next_pause_ms;
        holes->next_pause_ms = holes->pause_ms * 2 < PAUSE_MS ? holes->pause_ms * 2 : PAUSE_MS;
        begin_count(holes, os_clock_ms());
        return false;
    }
    if (holes->purged_pages > PROVEN && holes->refilled_pages < holes->purged_pages / 4 &&
        os_clock_ms() - holes->since_ms >= PROVEN_MS) {
        holes->next_pause_ms = 0;
        begin_count(holes, os_clock_ms());
    }
    return true;
}

static unsigned look_at_all_of(struct heap *heap, unsigned class) {
    unsigned count = 0;
    for (struct chunk *slab = heap->queues[class].head; slab != NULL;
         slab = shared_of(slab)->next, count++) {
        if (!block_is_huge(block_of(slab->start))) {
            look_at(heap, slab);
        }
    }
    return count;
}

static bool has_few_of_all(const struct heap *heap) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        if (queue_slabs(&heap->queues[c]) >= many(c)) {
            return false;
        }
    }
    return true;
}

/* Whoever takes and frees a few hundred objects in turn, thousands of times a second, makes his
 * slabs anew each time that this is done. */
static bool may_settle(struct holes *holes) {
    if (!holes->settled) {
        uint64_t now = os_clock_ms();
        holes->settled = now - holes->settled_ms >= SETTLE_PAUSE_MS;
        holes->settled_ms = holes->settled ? now : holes->settled_ms;
    }
    return holes->settled;
}

/* Returns after how many more slow frees to look again. */
static unsigned settle(struct heap *heap) {
    unsigned count = 0;
    bool looks = is_worth_it(&heap->holes) && page_count() > 1;
    heap_leave_all(heap);
    for (unsigned c = 0; c < CLASS_COUNT && looks; c++) {
        count += queue_slabs(&heap->queues[c]) < many(c) ? look_at_all_of(heap, c) : 0;
    }
    holes_flush(heap);
    return SETTLE + count / SETTLE_SHARE;
}

/* Whether it has only freed for a while. */
static bool heap_is_shrinking(struct heap *heap) {
    struct holes *holes = &heap->holes;
    if (holes->refills_before != heap->counters.refills) {
        holes->refills_before = heap->counters.refills;
        holes->quiet = 0;
        holes->settle_at = SETTLE;
        holes->settled = false;
    }
    return ++holes->quiet >= holes->settle_at;
}

static void look_at_next(struct heap *heap, unsigned class) {
    struct queue *queue = &heap->queues[class];
    if (queue_slabs(queue) < many(class) || !is_shrinking(heap, class) ||
        !is_worth_it(&heap->holes) || page_count() <= 1) {
        return;
    }
    struct chunk *slab = queue->look != NULL ? queue->look : queue->head;
    if (slab != NULL) {
        queue->look = shared_of(slab)->next;
        look_at(heap, slab);
        slab_set_owner(slab, heap_distance_of(heap) | OWNER_FULL | OWNER_WATCHED);
    }
}

void holes_look(struct heap *heap, unsigned class) {
    if (heap->guard != NULL && interceptor->keeps_free) {
        return;
    }
    look_at_next(heap, class);
    struct holes *holes = &heap->holes;
    if (heap_is_shrinking(heap)) {
        holes->settle_at += !may_settle(holes)                                    ? holes->settle_at
                            : !has_few_of_all(heap) && holes->quiet < SETTLE_LONG ? SETTLE_MANY
                                                                                  : settle(heap);
    }
}
