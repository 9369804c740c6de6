#include "base/bits.h"
#include "core/block.h"
#include "core/checker_parts.h"
#include "core/chunk_map.h"
#include "core/region.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/threads.h"

static bool is_committed(uintptr_t address) {
    const struct block *block = block_of(address);
    return block != NULL && block->address == round_down(address, BLOCK_SIZE);
}

static bool is_taken(uintptr_t address) {
    return is_committed(address) &&
           (block_of(address)->free >> (address / CHUNK_SIZE % CHUNKS_PER_BLOCK) & 1) == 0;
}

uintptr_t checker_chunk_address(const struct chunk *chunk) {
    for (size_t r = 0; r < regions.count; r++) {
        const struct region *region = &regions.region[r];
        uintptr_t end = region->base + region->committed;
        for (uintptr_t at = region->base; at < end;) {
            uintptr_t window = round_down(at, (size_t)1 << WINDOW_SHIFT);
            uintptr_t distance = (uintptr_t)chunk - (uintptr_t)chunk_of(window);
            uintptr_t address = window + distance / sizeof *chunk * CHUNK_SIZE;
            if (distance < sizeof *chunk * CHUNKS_PER_WINDOW && distance % sizeof *chunk == 0 &&
                address >= region->base && address < end) {
                return address;
            }
            at = window + ((size_t)1 << WINDOW_SHIFT);
        }
    }
    return 0;
}

/* --- slabs
 * ------------------------------------------------------------------------------------------------
 */

static bool check_bitmap_place(const struct checker *checker, struct chunk *slab) {
    const struct chunk_shared *shared = shared_of(slab);
    unsigned words = slab_class(slab)->words;
    if (words == 1) {
        EXPECT(slab->words == &slab->one, "a bitmap of one pair is in the descriptor", slab);
        EXPECT(shared->remote == &shared->remote_one, "one remote word is in the descriptor", slab);
        return true;
    }
    uintptr_t first = (uintptr_t)slab->words, end = (uintptr_t)&slab->words[words];
    EXPECT(first % CACHE_LINE == 0 && slab->words != &slab->one,
           "a bitmap of several pairs is in a table", slab);
    EXPECT((uintptr_t)shared->remote == round_up(end, CACHE_LINE),
           "the remote words follow the bitmap on lines of their own", slab);
    return true;
}

/* Bits at and above `from` that are in word w. */
static uint64_t bits_from(unsigned from, unsigned w) {
    return from <= w * 64 ? ~UINT64_C(0) : ~low_mask(from - w * 64);
}

/* What holds of every pair at every instant, also where a thread vanished in a fork. */
static bool check_word(const struct checker *checker, struct chunk *slab, unsigned w) {
    const struct chunk_shared *shared = shared_of(slab);
    uint64_t avail = owner_word_read(&slab->words[w].avail);
    uint64_t freed = owner_word_read(&slab->words[w].freed);
    uint64_t remote = atomic_load_explicit(&shared->remote[w], memory_order_relaxed);
    uint64_t beyond = bits_from(slab->capacity, w);
    EXPECT((freed & beyond) == beyond, "bits of no object are set in freed", slab);
    EXPECT((avail & beyond) == 0, "bits of no object are never available", slab);
    EXPECT((remote & (avail | freed)) == 0, "what is freed remotely is not free", slab);
    EXPECT(remote == 0 || !slab_is_condemned(slab), "a condemned slab has no remote frees", slab);
    EXPECT(checker->after_fork || remote == 0 ||
               (atomic_load_explicit(&shared->summary, memory_order_relaxed) >> w & 1) != 0,
           "the summary has a bit for each remote word in use", slab);
    return true;
}

static struct heap *heap_of(const struct chunk *slab) {
    return heap_at(owner_heap(chunk_owner(slab)));
}

static bool is_current(const struct chunk *slab) {
    return heap_of(slab)->queues[slab->class].current == slab;
}

/* What holds as long as no refill is under way; *free: objects that wait to be handed out. */
static bool check_owned_word(const struct checker *checker, struct chunk *slab, unsigned w,
                             unsigned *free) {
    uint64_t avail = owner_word_read(&slab->words[w].avail);
    uint64_t freed = owner_word_read(&slab->words[w].freed);
    EXPECT((avail & freed) == 0, "an object is in one word of its pair at most", slab);
    EXPECT(avail == 0 || (is_current(slab) && w == slab->cursor),
           "only a bin's own word has objects available", slab);
    EXPECT((~freed & bits_from(slab->fresh, w)) == 0, "no object above fresh was handed out", slab);
    *free += count_bits(freed & slab_valid_bits(slab, w));
    return true;
}

static bool check_slab_state(const struct checker *checker, struct chunk *slab, unsigned free) {
    bool current = is_current(slab);
    uintptr_t owner = chunk_owner(slab);
    EXPECT((owner & (OWNER_WATCHED | OWNER_EMPTIED)) == 0 || (owner & OWNER_FULL) != 0,
           "a watched or a condemned slab is tagged full", slab);
    EXPECT((owner & OWNER_FULL) == 0 || slab->queued == ((owner & OWNER_WATCHED) != 0),
           "a slab tagged full is queued exactly if it is watched", slab);
    if ((owner & OWNER_FULL) != 0 && !slab->queued) {
        EXPECT(free == 0, "a slab tagged full has no free object", slab);
        EXPECT(!slab_has_holes(slab), "a slab that is full has no holes", slab);
    } else {
        EXPECT(current != slab->queued, "a slab is either current or queued, or tagged full", slab);
        EXPECT(current || !slab_is_empty(slab), "a queued slab has a live object", slab);
    }
    return true;
}

static bool check_bitmap(const struct checker *checker, struct chunk *slab) {
    unsigned words = slab_class(slab)->words;
    for (unsigned w = 0; w < words; w++) {
        if (!check_word(checker, slab, w)) {
            return false;
        }
    }
    EXPECT(checker_is_heap(heap_of(slab)), "the owner of a slab is a heap", slab);
    if (atomic_load_explicit(&heap_of(slab)->state, memory_order_relaxed) == HEAP_LOST) {
        return true;
    }
    unsigned free = 0;
    for (unsigned w = 0; w < words; w++) {
        if (!check_owned_word(checker, slab, w, &free)) {
            return false;
        }
    }
    return check_slab_state(checker, slab, free);
}

/* The further chunks of a wide slab. */
static bool check_bodies(const struct checker *checker, struct chunk *slab) {
    for (unsigned i = 1; i < slab->chunks; i++) {
        struct chunk *body = &slab[i];
        EXPECT(chunk_is(body, CHUNK_BODY), "the further chunks of a slab are marked so", body);
        EXPECT(checker->after_fork || chunk_owner(body) == (chunk_owner(slab) & ~OWNER_EMPTIED),
               "all chunks of a slab have its owner", body);
        EXPECT(body->start == slab->start && body->words == slab->words &&
                   body->reciprocal == slab->reciprocal && body->class == slab->class &&
                   body->capacity == slab->capacity && !body->noted,
               "the further chunks of a slab repeat what free looks at", body);
    }
    return true;
}

static bool check_slab(const struct checker *checker, struct chunk *slab) {
    EXPECT(slab->class < CLASS_COUNT, "a slab has a size class", slab);
    const struct size_class *size_class = slab_class(slab);
    EXPECT(slab->reciprocal == size_class->reciprocal, "a slab has its class's reciprocal", slab);
    EXPECT(slab->cursor < size_class->words, "the cursor is a word of the bitmap", slab);
    EXPECT(slab->chunks == 1 || (slab->chunks == slab_class(slab)->chunks && !slab->noted),
           "a slab is one chunk, or a wide one", slab);
    EXPECT(slab->capacity == slab_whole_capacity(slab->class, slab->chunks) ||
               (slab->noted && slab->capacity == slab_guarded_capacity(slab->class)),
           "a slab has as many objects as fit, or ends in a guard page", slab);
    EXPECT(slab->fresh <= slab->capacity, "fresh is at most the capacity", slab);
    EXPECT(slab->scan <= size_class->words, "the search goes on in the bitmap or is at its end",
           slab);
    return check_bodies(checker, slab) && check_bitmap_place(checker, slab) &&
           check_bitmap(checker, slab);
}

/* --- large objects
 * ------------------------------------------------------------------------------------- */

static bool check_large(const struct checker *checker, struct chunk *head) {
    EXPECT(chunk_owner(head) == OWNER_LARGE || chunk_owner(head) == OWNER_WAITS,
           "a large object's owner says so", head);
    size_t bytes = large_usable(head), chunks = head->large.chunks;
    size_t needed = (large_extent(head) + CHUNK_SIZE - 1) / CHUNK_SIZE;
    EXPECT(bytes > 0 &&
               (checker->after_fork || head->lead != 0 ? chunks >= needed : chunks == needed),
           "a large object has the chunks that its bytes need", head);
    for (size_t i = 0; i < chunks; i++) {
        uintptr_t address = head->start + i * CHUNK_SIZE;
        EXPECT(is_taken(address), "the chunks of a large object are taken", head);
        const struct chunk *chunk = chunk_of(address);
        EXPECT(chunk->reciprocal == 0, "only slabs have a reciprocal", chunk);
        EXPECT(i == 0 || (!chunk_is(chunk, CHUNK_LARGE) && !chunk_is(chunk, CHUNK_SLAB) &&
                          !chunk_is(chunk, CHUNK_BODY) && chunk_owner(chunk) == OWNER_NONE),
               "the chunks in a large object are nothing else's", chunk);
    }
    return true;
}

/* --- all chunks
 * -------------------------------------------------------------------------------------------- */

static bool check_free_chunk(const struct checker *checker, const struct chunk *chunk) {
    EXPECT(chunk_is(chunk, CHUNK_NEVER) || chunk_is(chunk, CHUNK_RELEASED),
           "a free chunk is neither a slab nor a large object", chunk);
    EXPECT(chunk_owner(chunk) == OWNER_NONE, "a free chunk has no owner", chunk);
    EXPECT(chunk->reciprocal == 0, "only slabs have a reciprocal", chunk);
    return true;
}

/* Checks what begins at the chunk; *chunks: how many it has, 0 if nothing begins there. */
static bool check_head(const struct checker *checker, uintptr_t address, size_t *chunks) {
    struct chunk *chunk = chunk_of(address);
    *chunks = 0;
    if (checker->after_fork && chunk_owner(chunk) == OWNER_NONE) {
        return true; /* it may have been about to be made or released */
    }
    if (chunk_is(chunk, CHUNK_SLAB)) {
        EXPECT(chunk->start == address, "a slab starts at its chunk", chunk);
        *chunks = chunk->chunks;
        return check_slab(checker, chunk);
    }
    if (chunk_is(chunk, CHUNK_LARGE)) {
        EXPECT(chunk->start == address, "a large object starts at its head", chunk);
        *chunks = chunk->large.chunks;
        return check_large(checker, chunk);
    }
    EXPECT(!chunk_is(chunk, CHUNK_BODY), "a further chunk of a slab follows its first", chunk);
    EXPECT(chunk_owner(chunk) == OWNER_NONE, "only slabs and large objects have an owner", chunk);
    EXPECT(chunk->reciprocal == 0, "only slabs have a reciprocal", chunk);
    return true;
}

struct tally {
    size_t claimed;    /* chunks of slabs and large objects */
    uintptr_t nobodys; /* the first taken chunk of neither; 0: none so far */
};

static bool check_region(struct checker *checker, const struct region *region,
                         struct tally *tally) {
    uintptr_t claimed_to = region->base;
    for (size_t done = 0; done < region->committed; done += CHUNK_SIZE) {
        uintptr_t address = region->base + done;
        struct chunk *chunk = chunk_of(address);
        checker->notified +=
            atomic_load_explicit(&shared_of(chunk)->summary, memory_order_relaxed) != 0;
        if (address < claimed_to) {
            continue;
        }
        if (!is_taken(address)) {
            if (!check_free_chunk(checker, chunk)) {
                return false;
            }
            continue;
        }
        size_t chunks;
        if (!check_head(checker, address, &chunks)) {
            return false;
        }
        claimed_to = address + chunks * CHUNK_SIZE;
        tally->claimed += chunks;
        if (chunks == 0 && tally->nobodys == 0) {
            tally->nobodys = address;
        }
    }
    return true;
}

bool checker_chunks(struct checker *checker) {
    struct tally tally = {0};
    for (size_t r = 0; r < regions.count; r++) {
        if (!check_region(checker, &regions.region[r], &tally)) {
            return false;
        }
    }
    size_t spares = 0;
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        spares += spare_count(heap);
    }
    /* Not judged one by one: a large object may reach from one region into the next. */
    size_t taken = block_total(&block_totals.taken);
    EXPECT(checker->after_fork || tally.claimed + spares == taken,
           "every taken chunk is a slab's, a large object's or a spare", (void *)tally.nobodys);
    return true;
}

bool checker_each_slab(bool (*visit)(struct chunk *head, void *argument), void *argument) {
    for (size_t r = 0; r < regions.count; r++) {
        const struct region *region = &regions.region[r];
        for (size_t done = 0; done < region->committed; done += CHUNK_SIZE) {
            struct chunk *chunk = chunk_of(region->base + done);
            if (chunk_is(chunk, CHUNK_SLAB) && chunk_owner(chunk) != OWNER_NONE &&
                chunk->start == region->base + done && !visit(chunk, argument)) {
                return false;
            }
        }
    }
    return true;
}
