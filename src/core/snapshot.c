#include "core/snapshot.h"

#include "base/bits.h"
#include "core/chunk_map.h"
#include "core/interceptor.h"
#include "core/region.h"
#include "core/slab.h"

/* How often a descriptor that changes under one's eyes is read. */
enum { TRIES = 4 };

/* Plain fields of other threads, read as a debugger reads them: whole words, none of which is
 * believed before it was checked.  Hence out of the thread sanitizer's sight. */
#define UNWATCHED __attribute__((noinline, no_sanitize("thread")))
typedef uint64_t __attribute__((may_alias)) raw_word;

/* acquire: what is read after it is not older. */
UNWATCHED static uint64_t read_word(const void *word) {
    return __atomic_load_n((const raw_word *)word, __ATOMIC_ACQUIRE);
}

UNWATCHED static unsigned char read_byte(const unsigned char *byte) {
    return __atomic_load_n(byte, __ATOMIC_ACQUIRE);
}

UNWATCHED void snapshot_copy(void *to, const void *from, size_t words) {
    raw_word *copy = to;
    const raw_word *original = from;
    for (size_t i = 0; i < words; i++) {
        copy[i] = __atomic_load_n(&original[i], __ATOMIC_ACQUIRE);
    }
}

struct descriptor {
    struct chunk chunk;
    struct chunk_shared shared;
};

static struct descriptor copy_descriptor(struct chunk *chunk) {
    struct descriptor copy;
    /* acquire: who finds an owner finds what was written before it was set. */
    uintptr_t owner = atomic_load_explicit(&chunk->owner, memory_order_acquire);
    snapshot_copy(&copy.chunk, chunk, sizeof copy.chunk / sizeof(raw_word));
    snapshot_copy(&copy.shared, shared_of(chunk), sizeof copy.shared / sizeof(raw_word));
    atomic_store_explicit(&copy.chunk.owner, owner, memory_order_relaxed);
    return copy;
}

static bool is_slab(const struct descriptor *copy, uintptr_t address) {
    return chunk_owner(&copy->chunk) != OWNER_NONE && chunk_is(&copy->chunk, CHUNK_SLAB) &&
           copy->chunk.start == address && copy->chunk.class < CLASS_COUNT &&
           (copy->chunk.chunks == 1 ||
            copy->chunk.chunks == size_classes[copy->chunk.class].chunks) &&
           copy->chunk.capacity <= slab_whole_capacity(copy->chunk.class, copy->chunk.chunks) &&
           copy->chunk.words != NULL && copy->shared.remote != NULL;
}

static bool is_large(const struct descriptor *copy, uintptr_t address) {
    return chunk_owner(&copy->chunk) == OWNER_LARGE && chunk_is(&copy->chunk, CHUNK_LARGE) &&
           copy->chunk.start == address && copy->chunk.large.chunks != 0;
}

/* A large object that was freed, but its chunks are not free yet. */
static bool is_waiting(const struct descriptor *copy, uintptr_t address) {
    return chunk_owner(&copy->chunk) == OWNER_WAITS && chunk_is(&copy->chunk, CHUNK_LARGE) &&
           copy->chunk.start == address && copy->chunk.large.chunks != 0;
}

/* Of the objects that are live by the bitmap: those that an interceptor keeps from being free. */
static uint64_t waiting_bits(const struct descriptor *copy, unsigned w, uint64_t live) {
    const unsigned char *notes = copy->chunk.noted ? copy->shared.notes : NULL;
    uint64_t waiting = 0;
    for (uint64_t rest = notes == NULL ? 0 : live; rest != 0; rest &= rest - 1) {
        unsigned bit = lowest_bit(rest);
        /* Where the notes were may be something else by now. */
        bool waits = read_byte(notes + (w * 64 + bit) * interceptor->note_bytes) == NOTE_WAITS;
        waiting |= (uint64_t)waits << bit;
    }
    return waiting;
}

static bool is_same_slab(const struct descriptor *a, const struct descriptor *b) {
    return a->chunk.class == b->chunk.class && a->chunk.chunks == b->chunk.chunks &&
           a->chunk.capacity == b->chunk.capacity && a->chunk.words == b->chunk.words &&
           a->shared.remote == b->shared.remote;
}

/* Once.  False: it is no slab, or it became another one meanwhile. */
static bool read_slab(struct chunk *chunk, uintptr_t address, struct slab_snapshot *slab) {
    struct descriptor copy = copy_descriptor(chunk);
    if (!is_slab(&copy, address)) {
        return false;
    }
    slab->class = copy.chunk.class;
    slab->chunks = copy.chunk.chunks;
    slab->capacity = copy.chunk.capacity;
    slab->fresh = copy.chunk.fresh;
    for (unsigned w = 0; w < size_classes[slab->class].words; w++) {
        uint64_t valid = slab_valid_bits(&copy.chunk, w);
        /* In this order an object that moves on from one to the next meanwhile is seen in one; or,
         * between the two steps of a merge, in none, and counts as live for that instant. */
        uint64_t unmerged =
            slab_is_condemned(&copy.chunk) ? valid : read_word(&copy.shared.remote[w]);
        uint64_t freed = read_word(&copy.chunk.words[w].freed);
        uint64_t avail = read_word(&copy.chunk.words[w].avail);
        slab->ready[w] = avail & valid;
        slab->free[w] = freed & ~avail & valid;
        slab->unmerged[w] = unmerged & ~(avail | freed) & valid;
        slab->live[w] = ~(avail | freed | unmerged) & valid;
        uint64_t waiting = waiting_bits(&copy, w, slab->live[w]);
        slab->live[w] &= ~waiting;
        slab->free[w] |= waiting;
    }
    struct descriptor after = copy_descriptor(chunk);
    return is_slab(&after, address) && is_same_slab(&copy, &after);
}

/* --- the walk --------------------------------------------------------------------------------- */

struct walker {
    void (*visit)(const struct chunk_snapshot *chunk, void *argument);
    void *argument;
    size_t large_bytes;     /* of a large object: those that the chunks to come still hold */
    size_t chunks;          /* of a large object or a slab: still to come */
    enum chunk_state state; /* of all these */
    struct chunk_snapshot chunk;
};

/* A chunk that may be the first of something; says what it is. */
static enum chunk_state read_head(struct walker *walker, uintptr_t address) {
    struct chunk *chunk = chunk_of(address);
    for (int i = 0; i < TRIES; i++) {
        if (read_slab(chunk, address, &walker->chunk.slab)) {
            walker->chunks = walker->chunk.slab.chunks;
            walker->chunk.is_head = true;
            return STATE_SLAB;
        }
        struct descriptor copy = copy_descriptor(chunk);
        if (is_large(&copy, address)) {
            walker->large_bytes = large_extent(&copy.chunk);
            walker->chunks = copy.chunk.large.chunks;
            walker->chunk.is_head = true;
            return STATE_LARGE;
        }
        if (is_waiting(&copy, address)) {
            walker->large_bytes = 0;
            walker->chunks = copy.chunk.large.chunks;
            return STATE_SPARE;
        }
        if (chunk_is(&copy.chunk, CHUNK_SPARE)) {
            return STATE_SPARE;
        }
        if (!chunk_is(&copy.chunk, CHUNK_SLAB)) {
            break;
        }
    }
    return STATE_TRANSIT;
}

static enum chunk_state read_taken(struct walker *walker, uintptr_t address) {
    if (walker->chunks == 0) {
        walker->large_bytes = 0;
        walker->chunk.offset = 0;
        walker->state = read_head(walker, address);
    } else {
        walker->chunk.offset += CHUNK_SIZE;
    }
    size_t here = walker->large_bytes < CHUNK_SIZE ? walker->large_bytes : CHUNK_SIZE;
    walker->chunk.live_bytes = here;
    walker->large_bytes -= here;
    walker->chunks -= walker->chunks != 0;
    return walker->state;
}

static void walk_block(struct walker *walker, const struct block *block) {
    for (unsigned i = 0; i < CHUNKS_PER_BLOCK; i++) {
        struct chunk_snapshot *chunk = &walker->chunk;
        chunk->address = block->address + i * CHUNK_SIZE;
        chunk->is_head = false;
        /* All of a slab is shown as its first chunk is, whatever happens meanwhile: it is counted
         * as one. */
        bool goes_on = walker->chunks != 0 && walker->state == STATE_SLAB;
        if (goes_on || (block->free >> i & 1) == 0) {
            chunk->state = read_taken(walker, chunk->address);
        } else {
            walker->chunks = 0; /* it was freed while it was looked at */
            chunk->live_bytes = 0;
            chunk->state = (block->dirty >> i & 1) != 0 ? STATE_DIRTY : STATE_CLEAN;
        }
        walker->visit(chunk, walker->argument);
    }
}

void snapshot_chunks(void (*visit)(const struct chunk_snapshot *, void *), void *argument) {
    struct walker walker = {.visit = visit, .argument = argument};
    size_t count = regions_seen();
    for (size_t r = 0; r < count; r++) {
        uintptr_t end = region_end_seen(&regions.region[r]);
        walker.chunks = 0;
        for (uintptr_t at = regions.region[r].base; at < end; at += BLOCK_SIZE) {
            struct block block;
            snapshot_copy(&block, block_of(at), sizeof block / sizeof(raw_word));
            if (block.address == at) { /* it is the block allocator's by now */
                walk_block(&walker, &block);
            }
        }
    }
}
