/* Slabs: a chunk, or up to eight, cut into objects of one class, and its bitmap.
 *
 * Object i lies at start + i * size.  All functions here are for the slab's owner (see heap.h);
 * a slab is named by the descriptor of its first chunk.  Wide slabs hold 12 objects at most, so
 * their bitmap is the one pair in that descriptor. */
#ifndef CAIRN_CORE_SLAB_H
#define CAIRN_CORE_SLAB_H

#include "core/chunk_map.h"
#include "core/heap.h"
#include "core/size_class.h"

static inline const struct size_class *slab_class(const struct chunk *slab) {
    return &size_classes[slab->class];
}

/* Which object an address in a slab is, and whether it is the object's first byte.
 *
 * With M = ceil(2^64 / size) and an offset below 2^18, the upper half of offset * M is offset /
 * size, and the lower half is below M exactly if size divides offset.  (Lemire, Kaser, Kurz:
 * Faster remainder by direct computation, 2019.)  `chunk` is the one that the address is in, of a
 * wide slab any of them. */
FAST_PATH uint64_t object_index(const struct chunk *chunk, uintptr_t address, bool *exact) {
    uint64_t low;
    uint64_t index = multiply_wide(address - chunk->start, &chunk->reciprocal, &low);
    *exact = low < chunk->reciprocal;
    return index;
}

_Static_assert(WIDE_CHUNKS *CHUNK_SIZE <= 1 << 18, "offsets in a slab are below 2^18");

/* The pair of words that holds the bits of an object. */
FAST_PATH struct slab_word *slab_word_of(const struct chunk *slab, uint64_t index) {
    uint64_t offset = index / 64 * sizeof(struct slab_word);
    return (struct slab_word *)(void *)((char *)slab->words + offset);
}

enum freed { FREED, FREED_ALL_OF_WORD, FREED_TWICE };

/* Frees an object; says whether all 64 of its word are free now (then the slab may be), or that
 * it was free already (then nothing has changed). */
FAST_PATH enum freed slab_free_object(const struct chunk *slab, uint64_t index) {
    struct slab_word *word = slab_word_of(slab, index);
    uint64_t freed = owner_word_read(&word->freed);
    if (unlikely(bit_is_set(freed | owner_word_read(&word->avail), index))) {
        return FREED_TWICE;
    }
    freed = with_bit(freed, index);
    owner_word_write(&word->freed, freed);
    return unlikely(freed == ~UINT64_C(0)) ? FREED_ALL_OF_WORD : FREED;
}

/* The slab that a chunk is of; NULL: of none.  For any thread: whoever holds one of its objects
 * finds the slab, and others find something that was a slab's. */
static inline struct chunk *slab_of_chunk(struct chunk *chunk) {
    if (likely(chunk_is(chunk, CHUNK_SLAB))) {
        return chunk;
    }
    struct chunk *head = chunk_is(chunk, CHUNK_BODY) ? chunk_of(chunk->start) : NULL;
    return head != NULL && chunk_is(head, CHUNK_SLAB) ? head : NULL;
}

/* Objects in a slab of so many chunks without a guard page. */
static inline unsigned slab_whole_capacity(unsigned class, unsigned chunks) {
    const struct size_class *size_class = &size_classes[class];
    return chunks == 1 ? size_class->capacity : (unsigned)(chunks * CHUNK_SIZE / size_class->size);
}

/* Objects in a slab whose last page is a guard page; 0: none of the class has one. */
unsigned slab_guarded_capacity(unsigned class);

/* A new slab, all objects free, in no queue.  NULL: no memory. */
struct chunk *slab_create(struct heap *owner, unsigned class);

/* Gives the chunks of a slab without live objects back, or lets its owner keep one as a spare.
 * owner NULL: the calling thread is not the owner, but took the slab away from him (reclaim.h). */
void slab_release(struct heap *owner, struct chunk *slab);

/* Sets or clears OWNER_FULL, or gives the slab to another heap. */
static inline void slab_set_owner(struct chunk *slab, uintptr_t owner) {
    /* release: a thread that sees the new owner sees what the old one left. */
    atomic_store_explicit(&slab->owner, owner, memory_order_release);
    for (unsigned i = 1; unlikely(i < slab->chunks); i++) {
        atomic_store_explicit(&slab[i].owner, owner, memory_order_release);
    }
}

/* Whether other threads have emptied it (reclaim.h), and it was not given back since. */
static inline bool slab_is_condemned(const struct chunk *slab) {
    /* acquire: what the objects were written with comes before what is done with their memory. */
    return (atomic_load_explicit(&slab->owner, memory_order_acquire) & OWNER_EMPTIED) != 0;
}

/* Whether pages of it were given back, or wait for that. */
static inline bool slab_has_holes(const struct chunk *slab) {
    unsigned purged = slab->purged;
    for (unsigned i = 1; unlikely(i < slab->chunks); i++) {
        purged |= slab[i].purged;
    }
    return purged != 0;
}

/* Bits of word w that belong to objects. */
static inline uint64_t slab_valid_bits(const struct chunk *slab, unsigned w) {
    unsigned capacity = slab->capacity;
    return capacity <= w * 64 ? 0 : low_mask(capacity - w * 64);
}

/* The last word that has any. */
static inline unsigned slab_last_word(const struct chunk *slab) {
    return (slab->capacity - 1u) / 64;
}

/* Its bits that belong to objects. */
static inline uint64_t slab_last_bits(const struct chunk *slab) {
    return ~UINT64_C(0) >> (63 - (slab->capacity - 1u) % 64);
}

/* Reports the first of some objects of word w that were freed twice, which shows only now and so in
 * another call. */
void slab_report_twice(const struct chunk *slab, unsigned w, uint64_t twice);

/* Takes over what other threads freed in word w and returns its word `freed`. */
uint64_t slab_merge_remote(struct heap *owner, struct chunk *slab, unsigned w);

static inline uint64_t slab_merge_word(struct heap *owner, struct chunk *slab, unsigned w) {
    /* relaxed: whoever freed something there has notified the owner, or will. */
    return likely(atomic_load_explicit(&shared_of(slab)->remote[w], memory_order_relaxed) == 0)
               ? owner_word_read(&slab->words[w].freed)
               : slab_merge_remote(owner, slab, w);
}

/* No object is live, and no bin has any. */
static inline bool slab_is_empty(const struct chunk *slab) {
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        if (owner_word_read(&slab->words[w].freed) != ~UINT64_C(0)) {
            return false;
        }
    }
    return true;
}

/* Of the objects of the current word that were not handed out all but the first `keep` go back.
 * Returns how many. */
unsigned slab_cut_handful(struct chunk *slab, unsigned keep);
static inline unsigned slab_take_back(struct chunk *slab) { return slab_cut_handful(slab, 0); }

/* Objects of word w that are free, as its owner knows it.  For any thread: in this order an
 * object that the owner moves from freed to avail meanwhile is seen in one of them. */
static inline uint64_t slab_free_bits(const struct chunk *slab, unsigned w) {
    const struct slab_word *word = &slab->words[w];
    uint64_t freed = atomic_load_explicit(&word->freed, memory_order_acquire);
    return freed | owner_word_read(&word->avail);
}

/* Objects of word w that other threads freed and the owner has not merged. */
static inline uint64_t slab_unmerged_bits(const struct chunk *slab, unsigned w) {
    if (unlikely(slab_is_condemned(slab))) {
        return slab_valid_bits(slab, w);
    }
    /* relaxed: whoever frees one meanwhile is seen or not. */
    return atomic_load_explicit(&shared_of((struct chunk *)(uintptr_t)slab)->remote[w],
                                memory_order_relaxed);
}

/* Objects of word w that are in use, as any thread may see it. */
static inline uint64_t slab_live_bits(const struct chunk *slab, unsigned w) {
    return ~(slab_free_bits(slab, w) | slab_unmerged_bits(slab, w)) & slab_valid_bits(slab, w);
}

/* Number of objects that are not free; those in remote words count as live. */
unsigned slab_live(const struct chunk *slab);

#endif
