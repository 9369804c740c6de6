/* Refilling a bin: which word of a slab it goes on with.  Inline, as a refill happens every few
 * mallocs in a heap that is fragmented.
 *
 * A slab that has objects never used (it is growing) goes on with a word of used ones only if there
 * are enough of them; one that has none is swept: one pass over its words, and whatever is free in
 * a word is taken.  What other threads freed shows here once it was drained. */
#ifndef CAIRN_CORE_OFFER_H
#define CAIRN_CORE_OFFER_H

#include <string.h>

#include "core/slab.h"

/* How many words a growing slab looks at for used objects, each time on from where it ended: a slab
 * that only grows is not searched over and over. */
enum { LOOK_AT = 4 };

static inline bool slab_is_growing(const struct chunk *slab) {
    return slab->fresh < slab->capacity;
}

/* Makes `objects`, `count` free ones of word w and not none, the bin's. */
static inline void slab_hand_out(struct chunk *slab, unsigned w, uint64_t objects, unsigned count,
                                 struct bin *bin) {
    const struct size_class *size_class = slab_class(slab);
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
static inline void slab_hand_out_used(struct chunk *slab, unsigned w, uint64_t objects,
                                      unsigned count, struct bin *bin) {
    unsigned handful = slab_class(slab)->handful;
    if (count > 2 * handful) {
        /* Neighbours, from the first on. */
        objects &= low_mask(handful * distance_of[count]) << lowest_bit(objects);
        count = count_bits(objects);
    }
    slab_hand_out(slab, w, objects, count, bin);
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
    unsigned w = slab->fresh / 64u;
    unsigned first = slab->fresh % 64u;
    uint64_t fresh = slab_valid_bits(slab, w) & low_mask(slab_class(slab)->handful) << first;
    unsigned before = slab->fresh;
    unsigned end = w * 64 + 64 - (unsigned)__builtin_clzll(fresh);
    slab_clear_fresh(slab, before, end);
    slab->fresh = (uint16_t)end;
    slab_hand_out(slab, w, fresh, end - before, bin);
    bin->zeroed = slab->zeroed || slab->noted;
}

/* Returns how many objects the bin may get: of used ones `worth` or more, else of fresh ones. */
static inline unsigned slab_refill_growing(struct chunk *slab, struct bin *bin) {
    unsigned touched = (slab->fresh + 63u) / 64;
    unsigned w = slab->scan;
    for (unsigned i = touched < LOOK_AT ? touched : LOOK_AT; i > 0; i--) {
        w = w < touched ? w : 0;
        uint64_t used = owner_word_read(&slab->words[w].freed) & low_mask(slab->fresh - w * 64);
        if (used != 0) {
            unsigned count = count_bits(used);
            if (count >= slab_class(slab)->worth) {
                slab->scan = (uint8_t)w;
                slab_hand_out_used(slab, w, used, count, bin);
                return count;
            }
        }
        w++;
    }
    slab->scan = (uint8_t)w;
    slab_hand_out_fresh(slab, bin);
    return 64;
}

/* Goes on with the pass over a slab that does not grow, to the next word with `least` free objects.
 * Returns how many; 0: the pass is over. */
static inline unsigned slab_refill_swept(struct chunk *slab, struct bin *bin, unsigned least) {
    const struct size_class *size_class = slab_class(slab);
    unsigned last = slab_last_word(slab);
    for (unsigned w = slab->scan; w <= last; w++) {
        uint64_t free = owner_word_read(&slab->words[w].freed);
        if (w == last) {
            free &= slab_last_bits(slab);
        }
        if (free != 0) {
            unsigned count = count_bits(free);
            if (count >= least) {
                /* More than a handful: the rest comes next. */
                slab->scan = (uint8_t)(size_class->handful == 64 ? w + 1 : w);
                slab_hand_out_used(slab, w, free, count, bin);
                return count;
            }
        }
    }
    slab->scan = (uint8_t)(last + 1);
    return 0;
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

#endif
