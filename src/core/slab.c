#include "core/slab.h"

#include "base/bits.h"
#include "base/check.h"
#include "core/block.h"
#include "core/metadata.h"
#include "core/report.h"

/* A word is worth going to from this many free objects on: below that, refills eat up what they save. */
enum { WORTH = 8 };

/* While there are objects never used, so many words with used ones are looked at for free ones, each time on from
 * where the last search ended: a slab that only grows is not searched over and over. */
enum { LOOK_AT = 4 };

/* Layout of a bitmap in the tables: handed_out and the pairs, none of which straddles two lines; then, on lines
 * of their own, the remote words. */
enum { BITS_OFFSET = sizeof(struct slab_word) - offsetof(struct slab_bits, word) };

static size_t bits_lines(unsigned words) {
    return ((words + 1) * sizeof(struct slab_word) + CACHE_LINE - 1) / CACHE_LINE;
}

static size_t remote_lines(unsigned words) {
    return (words * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE;
}

static size_t table_lines(unsigned words) { return bits_lines(words) + remote_lines(words); }

/* Bits of objects: free.  Bits of no object: free for ever. */
static void fill_bits(struct chunk *slab, unsigned words) {
    owner_word_write(&slab->bits->handed_out, 0);
    for (unsigned w = 0; w < words; w++) {
        owner_word_write(&slab->bits->word[w].avail, 0);
        owner_word_write(&slab->bits->word[w].freed, ~UINT64_C(0));
    }
}

struct chunk *slab_create(struct heap *owner, unsigned class) {
    const struct size_class *size_class = &size_classes[class];
    char *table = NULL;
    if (size_class->words > 1) {
        table = metadata_take(table_lines(size_class->words));
        if (table == NULL) {
            return NULL;
        }
    }
    struct run run = chunks_take(1, CHUNK_SIZE);
    if (run.address == 0) {
        if (table != NULL) {
            metadata_give(table, table_lines(size_class->words));
        }
        return NULL;
    }
    struct chunk *slab = chunk_of(run.address);
    struct chunk_shared *shared = shared_of(slab);
    _Atomic(uint64_t) *remote = &shared->remote_one;
    if (table != NULL) {
        remote = (_Atomic(uint64_t) *)(void *)(table + bits_lines(size_class->words) * CACHE_LINE);
    }
    slab->reciprocal = size_class->reciprocal;
    slab->start = run.address;
    slab->bits = table != NULL ? (struct slab_bits *)(void *)(table + BITS_OFFSET) : &slab->one;
    chunk_set_kind(slab, CHUNK_SLAB);
    slab->class = (uint8_t)class;
    slab->zeroed = run.zeroed;
    slab->cursor = 0;
    slab->scan = 0;
    slab->fresh = 0;
    slab->queued = false;
    shared->remote = remote;
    for (unsigned w = 0; w < size_class->words; w++) {
        atomic_store_explicit(&remote[w], 0, memory_order_relaxed);
    }
    fill_bits(slab, size_class->words);
    slab_set_owner(slab, heap_distance_of(owner));
    chunks_watch();
    return slab;
}

void slab_release(struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    DCHECK(owner_word_read(&slab->bits->handed_out) == 0);
    slab_set_owner(slab, OWNER_NONE);
    slab->reciprocal = 0; /* so that no address is the start of an object here */
    chunk_set_kind(slab, CHUNK_RELEASED);
    if (size_class->words > 1) {
        metadata_give((char *)slab->bits - BITS_OFFSET, table_lines(size_class->words));
    }
    chunks_give(slab->start, 1, !slab->zeroed || slab->fresh > 0);
}

uint64_t slab_merge_word(struct heap *owner, struct chunk *slab, unsigned w) {
    _Atomic(uint64_t) *remote = &shared_of(slab)->remote[w];
    struct slab_word *word = &slab->bits->word[w];
    uint64_t mine = owner_word_read(&word->freed);
    if (likely(atomic_load_explicit(remote, memory_order_relaxed) == 0)) {
        return mine;
    }
    /* acquire: what the freeing threads wrote into the objects comes before their next use. */
    uint64_t freed = atomic_exchange_explicit(remote, 0, memory_order_acquire);
    uint64_t twice = freed & (mine | owner_word_read(&word->avail));
    if (unlikely(twice != 0)) {
        uintptr_t object = slab->start + (w * 64 + lowest_bit(twice)) * slab_class(slab)->size;
        report_bad_pointer("free", &(struct finding){.what = FOUND_FREE,
                                                      .address = object,
                                                      .object = object,
                                                      .size = slab_class(slab)->size});
    }
    unsigned count = count_bits(freed);
    owner_word_write(&word->freed, mine | freed);
    owner_word_write(&slab->bits->handed_out, owner_word_read(&slab->bits->handed_out) - count);
    owner->counters.remote_frees += count;
    return mine | freed;
}

/* Objects of word w that are free and have been used before. */
static uint64_t used_and_free(struct heap *owner, struct chunk *slab, unsigned w) {
    return slab_merge_word(owner, slab, w) & low_mask(slab->fresh - w * 64);
}

unsigned slab_pick_word(struct heap *owner, struct chunk *slab, unsigned *objects) {
    const struct size_class *size_class = slab_class(slab);
    unsigned worth = size_class->handful < WORTH ? 1 : WORTH;
    unsigned touched = (slab->fresh + 63u) / 64;
    bool is_fresh = slab->fresh < size_class->capacity;
    unsigned look_at = is_fresh && touched > LOOK_AT ? LOOK_AT : touched;
    unsigned best = 0, most = 0;
    unsigned w = slab->scan < touched ? slab->scan : 0;
    for (unsigned i = 0; i < look_at; i++) {
        unsigned count = count_bits(used_and_free(owner, slab, w));
        if (count > most) {
            most = count;
            best = w;
            if (count >= worth) {
                break;
            }
        }
        w = w + 1 == touched ? 0 : w + 1;
    }
    slab->scan = (uint8_t)w;
    if (most < worth && is_fresh) {
        best = slab->fresh / 64u;
        most = worth; /* be it less: it costs nothing to go there */
    }
    *objects = most;
    return best;
}

void slab_fill_bin(struct chunk *slab, unsigned w, struct bin *bin) {
    const struct size_class *size_class = slab_class(slab);
    struct slab_word *word = &slab->bits->word[w];
    uint64_t freed = owner_word_read(&word->freed);
    unsigned used_here = slab->fresh > w * 64 ? slab->fresh - w * 64 : 0;
    uint64_t used = freed & low_mask(used_here);
    uint64_t handful =
        lowest_bits(used != 0 ? used : freed & slab_valid_bits(slab, w), size_class->handful);
    if (used == 0) {
        slab->fresh = (uint16_t)(w * 64 + 64 - (unsigned)__builtin_clzll(handful));
    }
    slab->cursor = (uint8_t)w;
    bin->avail = &word->avail;
    bin->base = slab->start + (uintptr_t)w * 64 * size_class->size;
    bin->size = size_class->size;
    bin->zeroed = used == 0 && slab->zeroed;
    /* In this order an object is free in one of the two words at every instant, also for a fork in between. */
    owner_word_write(&word->avail, handful);
    owner_word_write(&word->freed, freed & ~handful);
    owner_word_write(&slab->bits->handed_out,
                     owner_word_read(&slab->bits->handed_out) + count_bits(handful));
}

void slab_take_back(struct chunk *slab) {
    struct slab_word *word = &slab->bits->word[slab->cursor];
    uint64_t left = owner_word_read(&word->avail);
    owner_word_write(&word->freed, owner_word_read(&word->freed) | left);
    owner_word_write(&word->avail, 0);
    owner_word_write(&slab->bits->handed_out,
                     owner_word_read(&slab->bits->handed_out) - count_bits(left));
}

unsigned slab_live(const struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    unsigned live = 0;
    for (unsigned w = 0; w < size_class->words; w++) {
        live += count_bits(~slab_free_bits(slab, w) & slab_valid_bits(slab, w));
    }
    return live;
}
