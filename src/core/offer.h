/* Refilling a bin: which word of a slab it goes on with.  Inline, as a refill happens every few
 * mallocs in a heap that is fragmented. */
#ifndef CAIRN_CORE_OFFER_H
#define CAIRN_CORE_OFFER_H

#include "core/slab.h"

/* While there are objects never used, so many words with used ones are looked at for free ones,
 * each time on from where the last search ended: a slab that only grows is not searched over and
 * over. */
enum { LOOK_AT = 4 };

/* What a slab has to offer to its bin: free objects of one word. */
struct offer {
    struct chunk *slab;
    uint64_t objects; /* bits of the word; 0: the slab is full */
    unsigned count;   /* how many; of fresh ones at most */
    unsigned word;
    bool is_fresh;    /* they were never used */
    bool is_worth_it; /* they are fresh, or size_class.worth or more */
};

/* Of the objects of a word those that are handed out at once: the ones within `handful` places
 * of the first. */
static inline uint64_t take_handful(uint64_t objects, unsigned handful) {
    return handful == 64 ? objects : objects & low_mask(handful) << lowest_bit(objects);
}

/* Objects that were used before and are free, of the words from slab->scan on and around.  The
 * first word that is worth it ends the search. */
static inline void offer_used(struct heap *owner, struct chunk *slab, unsigned look_at,
                              unsigned touched, struct offer *offer) {
    unsigned w = slab->scan < touched ? slab->scan : 0;
    for (unsigned i = 0; i < look_at; i++) {
        uint64_t used = slab_merge_word(owner, slab, w);
        if (used != 0 && (used &= low_mask(slab->fresh - w * 64)) != 0) {
            unsigned count = count_bits(used);
            if (count > offer->count) {
                offer->count = count;
                offer->objects = used;
                offer->word = w;
                if (count >= slab_class(slab)->worth) {
                    offer->is_worth_it = true;
                    break;
                }
            }
        }
        w = w + 1 == touched ? 0 : w + 1;
    }
    slab->scan = (uint8_t)w;
}

/* The first word, from where the last search ended, that is worth it; or the one with objects
 * never used; or the one with most.  Takes over what other threads freed in the words it looks
 * at. */
static inline struct offer slab_offer(struct heap *owner, struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    unsigned touched = (slab->fresh + 63u) / 64;
    bool has_fresh = slab->fresh < size_class->capacity;
    struct offer offer = {.slab = slab};
    offer_used(owner, slab, has_fresh && touched > LOOK_AT ? LOOK_AT : touched, touched, &offer);
    if (!offer.is_worth_it && has_fresh) {
        unsigned w = slab->fresh / 64u;
        offer.word = w;
        offer.objects = slab_valid_bits(slab, w) & ~low_mask(slab->fresh - w * 64);
        offer.count = 64; /* or fewer: it costs nothing to go there */
        offer.is_worth_it = true;
        offer.is_fresh = true;
    }
    return offer;
}

/* Makes a handful of what is offered the bin's.  offer->objects != 0. */
static inline void slab_accept(const struct offer *offer, struct bin *bin) {
    struct chunk *slab = offer->slab;
    const struct size_class *size_class = slab_class(slab);
    struct slab_word *word = &slab->words[offer->word];
    uint64_t handful = take_handful(offer->objects, size_class->handful);
    if (offer->is_fresh) {
        slab->fresh = (uint16_t)(offer->word * 64 + 64 - (unsigned)__builtin_clzll(handful));
    }
    slab->cursor = (uint8_t)offer->word;
    bin->avail = &word->avail;
    bin->base = slab->start + (uintptr_t)offer->word * 64 * size_class->size;
    bin->size = size_class->size;
    bin->zeroed = offer->is_fresh && slab->zeroed;
    bin->handed += count_bits(handful);
    /* In this order an object is free in one of the two words at every instant, also for a fork
     * in between. */
    owner_word_write(&word->avail, handful);
    owner_word_write(&word->freed, owner_word_read(&word->freed) & ~handful);
}

#endif
