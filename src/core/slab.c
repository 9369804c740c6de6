#include "core/slab.h"

#include "base/bits.h"
#include "base/check.h"
#include "core/block.h"
#include "core/metadata.h"
#include "core/report.h"

/* A word is worth going to from this many free objects on: below that, refills eat up what they save. */
enum { WORTH = 8 };

/* Layout of a bitmap in the tables: handed_out and the words, then, on lines of their own, the remote words. */
static size_t bits_lines(unsigned words) {
    return (sizeof(struct slab_bits) + (words - 1) * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE;
}

static size_t remote_lines(unsigned words) {
    return (words * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE;
}

static size_t table_lines(unsigned words) { return bits_lines(words) + remote_lines(words); }

void slab_set_owner(struct chunk *slab, uintptr_t owner) {
    unsigned chunks = slab_class(slab)->chunks;
    for (unsigned i = 0; i < chunks; i++) {
        /* release: a thread that sees the new owner sees what the old one left. */
        atomic_store_explicit(&slab[i].owner, owner, memory_order_release);
    }
}

/* Bits of objects: free.  Bits of no object: free for ever. */
static void fill_bits(struct chunk *slab, unsigned words) {
    owner_word_write(&slab->bits->handed_out, 0);
    for (unsigned w = 0; w < words; w++) {
        owner_word_write(&slab->bits->word[w], ~UINT64_C(0));
    }
}

struct chunk *slab_create(struct heap *owner, unsigned class) {
    const struct size_class *size_class = &size_classes[class];
    struct slab_bits *table = NULL;
    if (size_class->words > 1) {
        table = metadata_take(table_lines(size_class->words));
        if (table == NULL) {
            return NULL;
        }
    }
    struct run run = chunks_take(size_class->chunks, CHUNK_SIZE);
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
        remote = (_Atomic(uint64_t) *)(void *)((char *)table +
                                              bits_lines(size_class->words) * CACHE_LINE);
    }
    for (unsigned i = 0; i < size_class->chunks; i++) {
        struct chunk *chunk = &slab[i];
        chunk->reciprocal = size_class->reciprocal;
        chunk->start = run.address;
        chunk->bits = table != NULL ? table : &slab->one;
        chunk_set_kind(chunk, CHUNK_SLAB);
        chunk->class = (uint8_t)class;
    }
    slab->zeroed = run.zeroed;
    slab->cursor = 0;
    slab->fresh = 0;
    slab->queued = false;
    shared->remote = remote;
    for (unsigned w = 0; w < size_class->words; w++) {
        atomic_store_explicit(&remote[w], 0, memory_order_relaxed);
    }
    fill_bits(slab, size_class->words);
    slab_set_owner(slab, (uintptr_t)owner);
    chunks_watch();
    return slab;
}

void slab_release(struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    DCHECK(owner_word_read(&slab->bits->handed_out) == 0);
    slab_set_owner(slab, OWNER_NONE);
    for (unsigned i = 0; i < size_class->chunks; i++) {
        chunk_set_kind(&slab[i], CHUNK_RELEASED);
    }
    if (size_class->words > 1) {
        metadata_give(slab->bits, table_lines(size_class->words));
    }
    bool dirty = !slab->zeroed || slab->fresh > 0;
    chunks_give(slab->start, size_class->chunks, dirty);
}

uint64_t slab_merge_word(struct heap *owner, struct chunk *slab, unsigned w) {
    _Atomic(uint64_t) *remote = &shared_of(slab)->remote[w];
    uint64_t word = owner_word_read(&slab->bits->word[w]);
    if (likely(atomic_load_explicit(remote, memory_order_relaxed) == 0)) {
        return word;
    }
    /* acquire: what the freeing threads wrote into the objects comes before their next use. */
    uint64_t freed = atomic_exchange_explicit(remote, 0, memory_order_acquire);
    if (unlikely((word & freed) != 0)) {
        uintptr_t object = slab->start + (w * 64 + lowest_bit(word & freed)) * slab_class(slab)->size;
        report_bad_pointer("free", &(struct finding){.what = FOUND_FREE,
                                                      .address = object,
                                                      .object = object,
                                                      .size = slab_class(slab)->size});
    }
    unsigned count = count_bits(freed);
    owner_word_write(&slab->bits->word[w], word | freed);
    owner_word_write(&slab->bits->handed_out, owner_word_read(&slab->bits->handed_out) - count);
    owner->counters.remote_frees += count;
    return word | freed;
}

unsigned slab_pick_word(struct heap *owner, struct chunk *slab, unsigned *objects) {
    const struct size_class *size_class = slab_class(slab);
    unsigned worth = size_class->handful < WORTH ? 1 : WORTH;
    unsigned touched = (slab->fresh + 63u) / 64;
    unsigned best = 0, most = 0;
    unsigned w = slab->cursor < touched ? slab->cursor : 0;
    for (unsigned i = 0; i < touched; i++) {
        uint64_t free = slab_merge_word(owner, slab, w) & low_mask(slab->fresh - w * 64);
        if (free != 0) {
            unsigned count = count_bits(free);
            if (count > most) {
                most = count;
                best = w;
                if (count >= worth) {
                    break;
                }
            }
        }
        w = w + 1 == touched ? 0 : w + 1;
    }
    if (most < worth && slab->fresh < size_class->capacity) {
        best = slab->fresh / 64u;
        unsigned rest = size_class->capacity - slab->fresh;
        most = rest < 64 ? rest : 64;
        most = most < worth ? worth : most; /* whatever is left there, it is worth it */
    }
    *objects = most;
    return best;
}

void slab_fill_bin(struct chunk *slab, unsigned w, struct bin *bin) {
    const struct size_class *size_class = slab_class(slab);
    uint64_t free = owner_word_read(&slab->bits->word[w]) & slab_valid_bits(slab, w);
    unsigned touched_here = slab->fresh > w * 64 ? slab->fresh - w * 64 : 0;
    uint64_t used_before = free & low_mask(touched_here);
    uint64_t handful = lowest_bits(used_before != 0 ? used_before : free, size_class->handful);
    bin->word = handful;
    bin->truth = &slab->bits->word[w];
    bin->base = slab->start + (uintptr_t)w * 64 * size_class->size;
    bin->size = size_class->size;
    bin->zeroed = used_before == 0 && slab->zeroed;
    if (used_before == 0) {
        slab->fresh = (uint16_t)(w * 64 + 64 - (unsigned)__builtin_clzll(handful));
    }
    slab->cursor = (uint8_t)w;
    owner_word_write(&slab->bits->handed_out,
                     owner_word_read(&slab->bits->handed_out) + count_bits(handful));
}

void slab_empty_bin(struct chunk *slab, struct bin *bin) {
    uint64_t held = owner_word_read(&slab->bits->handed_out) - count_bits(bin->word);
    owner_word_write(&slab->bits->handed_out, held);
    bin->word = 0;
}

unsigned slab_live(const struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    unsigned live = 0;
    for (unsigned w = 0; w < size_class->words; w++) {
        live += count_bits(~owner_word_read(&slab->bits->word[w]) & slab_valid_bits(slab, w));
    }
    return live;
}
