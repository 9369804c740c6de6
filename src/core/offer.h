/* Refilling a bin: which word of a slab it goes on with.  Inline, as a refill happens every few
 * mallocs in a heap that is fragmented.
 *
 * A slab that has objects never used (it is growing) goes on with a word of used ones only if there
 * are enough of them; one that has none is swept: one pass over its words, and whatever is free in
 * a word is taken.  What other threads freed shows here once it was drained. */
#ifndef CAIRN_CORE_OFFER_H
#define CAIRN_CORE_OFFER_H

#include <string.h>

#include "base/check.h"
#include "base/cpu.h"
#include "core/slab.h"

/* How many words a growing slab looks at for used objects, each time on from where it ended: a slab
 * that only grows is not searched over and over. */
enum { LOOK_AT = 4 };

static inline bool slab_is_growing(const struct chunk *slab) {
    return slab->fresh < slab->capacity;
}

/* Makes `objects`, `count` free ones of word w and not none, the bin's. */
FAST_PATH void slab_hand_out(struct chunk *slab, const struct size_class *size_class, unsigned w,
                             uint64_t objects, unsigned count, struct bin *bin) {
    struct slab_word *word = &slab->words[w];
    slab->cursor = (uint8_t)w;
    bin->avail = &word->avail;
    bin->base = slab->start + (uintptr_t)w * 64 * size_class->size;
    bin->size = size_class->size;
    bin->zeroed = false;
    bin->handed += count;
    /* In this order an object is free in one of the two words at every instant, also for a fork
     * in between. */
    owner_word_write(&word->avail, objects);
    owner_word_write(&word->freed, owner_word_read(&word->freed) & ~objects);
}

/* How far from each other `count` objects of a word lie, on average.  A table, as a division takes
 * as long as all the rest of a refill. */
static const uint8_t distance_of[65] = {64, 64, 32, 21, 16, 12, 10, 9, 8, 7, 6, 5, 5, 4, 4, 4, 4,
                                        3,  3,  3,  3,  3,  2,  2,  2, 2, 2, 2, 2, 2, 2, 2, 2, 1,
                                        1,  1,  1,  1,  1,  1,  1,  1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                        1,  1,  1,  1,  1,  1,  1,  1, 1, 1, 1, 1, 1, 1};

/* About a handful of `count` free objects that were used before. */
FAST_PATH void slab_hand_out_used(struct chunk *slab, const struct size_class *size_class,
                                  unsigned w, uint64_t objects, unsigned count, struct bin *bin) {
    unsigned handful = size_class->handful;
    if (count > 2 * handful) {
        /* Neighbours, from the first on. */
        objects &= low_mask(handful * distance_of[count]) << lowest_bit(objects);
        count = cpu_count_bits(objects);
    }
    slab_hand_out(slab, size_class, w, objects, count, bin);
}

/* What an interceptor's slab hands out first reads as zero, whatever the chunk was before.  Each
 * handful is cleared when it is due, as a slab that goes again soon may never need the rest. */
static inline void slab_clear_fresh(const struct chunk *slab, unsigned from, unsigned to) {
    if (unlikely(slab->noted && !slab->zeroed)) {
        size_t size = slab_class(slab)->size;
        memset((void *)(slab->start + from * size), 0, (to - from) * size);
    }
}

/* The next handful of objects never used, of a growing slab. */
static inline void slab_hand_out_fresh(struct chunk *slab, struct bin *bin) {
    const struct size_class *size_class = slab_class(slab);
    unsigned w = slab->fresh / 64u;
    unsigned first = slab->fresh % 64u;
    uint64_t fresh = slab_valid_bits(slab, w) & low_mask(size_class->handful) << first;
    unsigned before = slab->fresh;
    unsigned end = w * 64 + 64 - (unsigned)__builtin_clzll(fresh);
    slab_clear_fresh(slab, before, end);
    slab->fresh = (uint16_t)end;
    slab_hand_out(slab, size_class, w, fresh, end - before, bin);
    bin->zeroed = slab->zeroed || slab->noted;
}

/* The free objects of word w that were used before go to the bin if they are `least` or more; w
 * begins at `fresh` or below.  Returns how many they are, or 0. */
FAST_PATH unsigned slab_refill_word(struct chunk *slab, const struct size_class *size_class,
                                    unsigned w, unsigned least, struct bin *bin) {
    uint64_t used = owner_word_read(&slab->words[w].freed) & low_mask(slab->fresh - w * 64);
    if (used == 0) {
        return 0;
    }
    unsigned count = cpu_count_bits(used);
    if (count < least) {
        return 0;
    }
    slab_hand_out_used(slab, size_class, w, used, count, bin);
    return count;
}

/* Returns how many objects the bin may get: of used ones `worth` or more, else of fresh ones. */
static inline unsigned slab_refill_growing(struct chunk *slab, struct bin *bin) {
    const struct size_class *size_class = slab_class(slab);
    unsigned touched = (slab->fresh + 63u) / 64;
    unsigned w = slab->scan;
    for (unsigned i = touched < LOOK_AT ? touched : LOOK_AT; i > 0; i--) {
        w = w < touched ? w : 0;
        unsigned count = slab_refill_word(slab, size_class, w, size_class->worth, bin);
        if (count != 0) {
            slab->scan = (uint8_t)w;
            return count;
        }
        w++;
    }
    slab->scan = (uint8_t)w;
    slab_hand_out_fresh(slab, bin);
    return 64;
}

/* Goes on with the pass over a slab that does not grow, to the next word with `least` free objects,
 * which is 1 or more.  Returns how many; 0: the pass is over. */
FAST_PATH unsigned slab_sweep(struct chunk *slab, const struct size_class *size_class,
                              struct bin *bin, unsigned least) {
    DCHECK(!slab_is_growing(slab));
    unsigned last = slab_last_word(slab);
    for (unsigned w = slab->scan; w <= last; w++) {
        unsigned count = slab_refill_word(slab, size_class, w, least, bin);
        if (count != 0) {
            /* More than a handful: the rest comes next. */
            slab->scan = (uint8_t)(size_class->handful == 64 ? w + 1 : w);
            return count;
        }
    }
    slab->scan = (uint8_t)(last + 1);
    return 0;
}

static inline unsigned slab_refill_swept(struct chunk *slab, struct bin *bin, unsigned least) {
    return slab_sweep(slab, slab_class(slab), bin, least);
}

/* Whether any object is free; the bin has none of them. */
static inline bool slab_has_free(const struct chunk *slab) {
    unsigned last = slab_last_word(slab);
    for (unsigned w = 0; w < last; w++) {
        if (owner_word_read(&slab->words[w].freed) != 0) {
            return true;
        }
    }
    return (owner_word_read(&slab->words[last].freed) & slab_last_bits(slab)) != 0;
}

/* With fewer slabs than this a class takes what little its slabs have before it takes a new one:
 * a small heap stays small, a large one does not go to the slow path for every object. */
enum { FEW_SLABS = 4 };

/* So many free objects make a word of a slab that does not grow worth taking. */
FAST_PATH unsigned queue_least(const struct queue *queue, const struct size_class *size_class) {
    bool takes_any = size_class->handful == 64 || queue_slabs(queue) < FEW_SLABS;
    return takes_any ? 1 : size_class->worth;
}

/* Every so many refills somebody looks whether memory is kept that nobody needs. */
enum { LOOK_EVERY = 1024 };

/* The current slab, if a refill has nothing to do but to go on with it; else NULL, and so of no
 * heap (heap_origin.none). */
FAST_PATH struct chunk *heap_goes_on(const struct heap *heap, unsigned class) {
    return likely(heap->counters.refills % LOOK_EVERY != 0) ? heap->queues[class].current : NULL;
}

FAST_PATH void *heap_take_first(struct heap *heap, unsigned class, unsigned found) {
    struct bin *bin = &heap->bins[class];
    heap->queues[class].found += found;
    heap->counters.refills++;
    return bin_take(bin, owner_word_read(bin->avail));
}

/* A refill from a current slab that grows: it always has something. */
static inline void *heap_take_growing(struct heap *heap, unsigned class) {
    struct chunk *slab = heap->queues[class].current;
    return heap_take_first(heap, class, slab_refill_growing(slab, &heap->bins[class]));
}

/* From one that does not.  NULL: the pass over it is over. */
FAST_PATH void *heap_take_swept(struct heap *heap, unsigned class) {
    const struct size_class *size_class = &size_classes[class];
    struct queue *queue = &heap->queues[class];
    unsigned least = queue_least(queue, size_class);
    unsigned count = slab_sweep(queue->current, size_class, &heap->bins[class], least);
    return likely(count != 0) ? heap_take_first(heap, class, count) : NULL;
}

#endif
