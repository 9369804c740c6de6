#include "core/block.h"

#include "base/bits.h"
#include "base/check.h"
#include "core/chunk_map.h"
#include "core/purge_cap.h"
#include "core/region.h"
#include "os/mutex.h"
#include "os/os.h"

enum { ALL_CHUNKS = CHUNKS_PER_BLOCK };
#define WHOLE UINT64_MAX

/* How many blocks with dirty chunks are looked at for a run. */
enum { LOOK_AT = 8 };

static struct mutex lock = MUTEX(RANK_CHUNKS);

/* bucket[n]: blocks whose longest free run is n chunks; bit n - 1 of `filled` is set while it has
 * any (n = 0 is not of interest). */
static struct block *bucket[ALL_CHUNKS + 1];
static uint64_t filled;

/* Blocks with dirty chunks, in the order in which they got the first. */
static struct block *oldest, *youngest;

struct block_totals block_totals;
void (*_Atomic chunks_watcher)(size_t taken);

void chunks_lock(void) { mutex_lock(&lock); }
void chunks_unlock(void) { mutex_unlock(&lock); }
void chunks_reset_lock(void) { mutex_reset(&lock); }

/* relaxed: written under the lock only; readers without it want a recent value, no more. */
static size_t total(const _Atomic(size_t) *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(_Atomic(size_t) *counter, size_t n) {
    atomic_store_explicit(counter, total(counter) + n, memory_order_relaxed);
}

static void subtract(_Atomic(size_t) *counter, size_t n) {
    atomic_store_explicit(counter, total(counter) - n, memory_order_relaxed);
}

/* --- masks of chunks -------------------------------------------------------------------------- */

static uint64_t mask_of(unsigned first, size_t count) {
    return (count >= ALL_CHUNKS ? WHOLE : (UINT64_C(1) << count) - 1) << first;
}

/* Bit i of the result: chunks i .. i + count - 1 are all set in mask. */
static uint64_t starts_of_runs(uint64_t mask, unsigned count) {
    for (unsigned have = 1; have < count;) {
        unsigned step = have < count - have ? have : count - have;
        mask &= mask >> step;
        have += step;
    }
    return mask;
}

/* Number of set bits from bit 0 on. */
static unsigned run_length(uint64_t mask) { return mask == WHOLE ? ALL_CHUNKS : lowest_bit(~mask); }

static uint8_t longest_run(uint64_t mask) {
    uint8_t length = 0;
    for (; mask != 0; mask &= mask >> 1) {
        length++;
    }
    return length;
}

/* --- lists ------------------------------------------------------------------------------------ */

static uint64_t bit_of(unsigned n) { return n == 0 ? 0 : UINT64_C(1) << (n - 1); }

static void bucket_remove(struct block *block) {
    unsigned n = block->longest;
    if (block->prev != NULL) {
        block->prev->next = block->next;
    } else {
        bucket[n] = block->next;
    }
    if (block->next != NULL) {
        block->next->prev = block->prev;
    }
    if (bucket[n] == NULL) {
        filled &= ~bit_of(n);
    }
}

static void bucket_insert(struct block *block, uint8_t longest) {
    block->longest = longest;
    block->prev = NULL;
    block->next = bucket[longest];
    if (block->next != NULL) {
        block->next->prev = block;
    }
    bucket[longest] = block;
    filled |= bit_of(longest);
}

static void set_free(struct block *block, uint64_t free) {
    uint8_t longest = longest_run(free);
    block->free = free;
    if (longest != block->longest) {
        bucket_remove(block);
        bucket_insert(block, longest);
    }
}

static void waiting_remove(struct block *block) {
    if (!block->waiting) {
        return;
    }
    *(block->older != NULL ? &block->older->younger : &oldest) = block->younger;
    *(block->younger != NULL ? &block->younger->older : &youngest) = block->older;
    block->waiting = false;
}

static void waiting_append(struct block *block) {
    if (block->waiting) {
        return;
    }
    block->older = youngest;
    block->younger = NULL;
    *(youngest != NULL ? &youngest->younger : &oldest) = block;
    youngest = block;
    block->waiting = true;
}

static void set_dirty(struct block *block, uint64_t dirty) {
    size_t before = count_bits(block->dirty);
    block->dirty = dirty;
    add(&block_totals.dirty, count_bits(dirty));
    subtract(&block_totals.dirty, before);
    if (dirty == 0) {
        waiting_remove(block);
    } else {
        waiting_append(block);
    }
}

/* --- taking ----------------------------------------------------------------------------------- */

/* Takes the chunks of mask, all free; returns whether all were clean. */
static bool take_mask(struct block *block, uint64_t mask) {
    DCHECK((block->free & mask) == mask);
    bool zeroed = (block->dirty & mask) == 0;
    set_free(block, block->free & ~mask);
    if (!zeroed) {
        set_dirty(block, block->dirty & ~mask);
    }
    return zeroed;
}

static void note_taken(size_t count, bool zeroed) {
    add(&block_totals.taken, count);
    if (total(&block_totals.taken) > total(&block_totals.taken_peak)) {
        atomic_store_explicit(&block_totals.taken_peak, total(&block_totals.taken),
                              memory_order_relaxed);
    }
    if (zeroed) {
        add(&block_totals.refaulted, purge_cap_note_taken(count));
    }
}

/* Brings in new blocks, clean and free; returns the first or NULL. */
static struct block *grow(size_t blocks) {
    size_t got = 0;
    uintptr_t address = region_grow(blocks, &got);
    if (address == 0) {
        return NULL;
    }
    /* Last first, so that the lowest ends up in front of its bucket. */
    for (size_t i = got; i-- > 0;) {
        struct block *block = block_of(address + i * BLOCK_SIZE);
        *block = (struct block){.address = address + i * BLOCK_SIZE, .free = WHOLE};
        bucket_insert(block, ALL_CHUNKS);
    }
    return block_of(address);
}

/* The block to take a short run from: one that has it dirty, the fullest of those looked at, as
 * clean memory costs page faults; else the one whose longest run is the shortest that suffices. */
static struct block *choose_block(unsigned count) {
    struct block *best = NULL;
    struct block *block = youngest;
    for (int i = 0; i < LOOK_AT && block != NULL; i++, block = block->older) {
        if (starts_of_runs(block->dirty, count) != 0 &&
            (best == NULL || block->longest < best->longest)) {
            best = block;
        }
    }
    if (best != NULL) {
        return best;
    }
    uint64_t usable = filled & ~low_mask(count - 1);
    return usable != 0 ? bucket[lowest_bit(usable) + 1] : grow(1);
}

/* A run within one block. */
static struct run take_short(unsigned count) {
    struct block *block = choose_block(count);
    if (block == NULL) {
        return (struct run){0, false};
    }
    uint64_t starts = starts_of_runs(block->dirty, count);
    if (starts == 0) {
        starts = starts_of_runs(block->free, count);
    }
    unsigned first = lowest_bit(starts);
    bool zeroed = take_mask(block, mask_of(first, count));
    return (struct run){block->address + first * CHUNK_SIZE, zeroed};
}

/* Whether `count` chunks from the start of block on are free; the blocks must be of one region. */
static bool is_free_from(uintptr_t address, size_t count, uintptr_t end) {
    for (; count > 0; address += BLOCK_SIZE) {
        if (address >= end) {
            return false;
        }
        size_t here = count < ALL_CHUNKS ? count : ALL_CHUNKS;
        uint64_t mask = mask_of(0, here);
        if ((block_of(address)->free & mask) != mask) {
            return false;
        }
        count -= here;
    }
    return true;
}

static bool take_from(uintptr_t address, size_t count) {
    bool zeroed = true;
    while (count > 0) {
        size_t first = (address / CHUNK_SIZE) % ALL_CHUNKS;
        size_t here = ALL_CHUNKS - first;
        if (here > count) {
            here = count;
        }
        zeroed &= take_mask(block_of(address), mask_of((unsigned)first, here));
        address += here * CHUNK_SIZE;
        count -= here;
    }
    return zeroed;
}

/* A run of more than a block: first fit, beginning at a block's start. */
static struct run take_long(size_t count) {
    if (bucket[ALL_CHUNKS] != NULL) {
        for (size_t i = 0; i < regions.count; i++) {
            const struct region *region = &regions.region[i];
            uintptr_t end = region->base + region->committed;
            for (uintptr_t at = region->base; at + count * CHUNK_SIZE <= end; at += BLOCK_SIZE) {
                if (block_of(at)->free == WHOLE && is_free_from(at, count, end)) {
                    bool zeroed = take_from(at, count);
                    return (struct run){at, zeroed};
                }
            }
        }
    }
    struct block *block = grow((count + ALL_CHUNKS - 1) / ALL_CHUNKS);
    if (block == NULL) {
        return (struct run){0, false};
    }
    uintptr_t address = block->address;
    return (struct run){address, take_from(address, count)};
}

static struct run take(size_t count) {
    chunks_lock();
    struct run run = count <= ALL_CHUNKS ? take_short((unsigned)count) : take_long(count);
    if (run.address != 0) {
        note_taken(count, run.zeroed);
    }
    chunks_unlock();
    return run;
}

struct run chunks_take(size_t count, size_t alignment) {
    if (alignment <= CHUNK_SIZE) {
        return take(count);
    }
    /* More than needed, and the ends given back. */
    size_t extra = alignment / CHUNK_SIZE - 1;
    struct run run = take(count + extra);
    if (run.address == 0) {
        return run;
    }
    uintptr_t aligned = round_up(run.address, alignment);
    size_t before = (aligned - run.address) / CHUNK_SIZE;
    if (before > 0) {
        chunks_give(run.address, before, !run.zeroed);
    }
    if (before < extra) {
        chunks_give(aligned + count * CHUNK_SIZE, extra - before, !run.zeroed);
    }
    run.address = aligned;
    return run;
}

static bool is_free_run(uintptr_t address, size_t count) {
    for (size_t i = 0; i < count; i++, address += CHUNK_SIZE) {
        const struct block *block = block_of(address);
        unsigned bit = (unsigned)(address / CHUNK_SIZE) % ALL_CHUNKS;
        if (block == NULL || (block->free >> bit & 1) == 0) {
            return false;
        }
    }
    return true;
}

bool chunks_extend(uintptr_t address, size_t count, bool *zeroed) {
    chunks_lock();
    bool ours = is_free_run(address, count);
    if (ours) {
        *zeroed = take_from(address, count);
        note_taken(count, *zeroed);
    }
    chunks_unlock();
    return ours;
}

/* --- giving back ------------------------------------------------------------------------------ */

static void count_purges(size_t calls, size_t failures, size_t bytes) {
    add(&block_totals.purge_calls, calls);
    add(&block_totals.purge_failures, failures);
    add(&block_totals.purged_bytes, bytes);
}

/* The `most` set bits at the high end: chunks are taken from the low end. */
static uint64_t highest_bits(uint64_t mask, size_t most) {
    uint64_t lower =
        lowest_bits(mask, count_bits(mask) - (unsigned)(most < ALL_CHUNKS ? most : ALL_CHUNKS));
    return count_bits(mask) <= most ? mask : mask & ~lower;
}

/* Gives up to `most` dirty chunks of one block to the kernel.  Lock held, and given up in
 * between: the chunks are neither free nor taken meanwhile.  Returns the bytes. */
static size_t purge_block(struct block *block, size_t most) {
    uint64_t mask = highest_bits(block->dirty, most);
    set_free(block, block->free & ~mask);
    set_dirty(block, block->dirty & ~mask);
    purge_cap_note_purged(count_bits(mask));
    chunks_unlock();
    uint64_t failed = 0;
    size_t bytes = 0, calls = 0, failures = 0;
    for (uint64_t rest = mask; rest != 0;) {
        unsigned first = lowest_bit(rest);
        unsigned length = run_length(rest >> first);
        uint64_t run = mask_of(first, length);
        calls++;
        if (os_purge((void *)(block->address + first * CHUNK_SIZE), length * CHUNK_SIZE)) {
            bytes += length * CHUNK_SIZE;
        } else {
            failures++;
            failed |= run;
        }
        rest &= ~run;
    }
    chunks_lock();
    count_purges(calls, failures, bytes);
    set_free(block, block->free | mask);
    if (failed != 0) {
        set_dirty(block, block->dirty | failed);
    }
    return bytes;
}

static size_t cap(void) {
    return purge_cap(total(&block_totals.taken), total(&block_totals.taken_peak));
}

/* Until no more is dirty than the cap allows, and then some, so that the next chunk does not
 * come back here at once.  Lock held. */
static void purge_surplus(void) {
    if (total(&block_totals.dirty) <= cap()) {
        return;
    }
    size_t keep = cap() - cap() / 16;
    while (total(&block_totals.dirty) > keep && oldest != NULL) {
        if (purge_block(oldest, total(&block_totals.dirty) - keep) == 0) {
            break; /* refused, as for locked memory: no use in asking again now */
        }
    }
}

size_t chunks_purge_all(void) {
    size_t bytes = 0;
    chunks_lock();
    while (oldest != NULL) {
        size_t purged = purge_block(oldest, ALL_CHUNKS);
        if (purged == 0) {
            break;
        }
        bytes += purged;
    }
    chunks_unlock();
    return bytes;
}

static void give_mask(struct block *block, uint64_t mask, bool dirty) {
    DCHECK((block->free & mask) == 0);
    set_free(block, block->free | mask);
    if (dirty) {
        set_dirty(block, block->dirty | mask);
    }
}

void chunks_give(uintptr_t address, size_t count, bool dirty) {
    chunks_lock();
    subtract(&block_totals.taken, count);
    if (dirty && count >= ALL_CHUNKS && count > cap()) {
        /* Larger than all that may be kept: one call for all of it. */
        chunks_unlock();
        bool purged = os_purge((void *)address, count * CHUNK_SIZE);
        chunks_lock();
        count_purges(1, purged ? 0 : 1, purged ? count * CHUNK_SIZE : 0);
        purge_cap_note_purged(purged ? count : 0);
        dirty = !purged;
    }
    for (size_t left = count; left > 0;) {
        size_t first = (address / CHUNK_SIZE) % ALL_CHUNKS;
        size_t here = ALL_CHUNKS - first < left ? ALL_CHUNKS - first : left;
        give_mask(block_of(address), mask_of((unsigned)first, here), dirty);
        address += here * CHUNK_SIZE;
        left -= here;
    }
    if (dirty) {
        purge_surplus();
    }
    chunks_unlock();
}

struct block_lists chunks_lists(void) {
    return (struct block_lists){bucket, &filled, &oldest, &youngest};
}
