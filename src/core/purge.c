#include "core/purge.h"

#include "base/bits.h"
#include "core/block_lists.h"
#include "core/chunk_map.h"
#include "core/chunk_mask.h"
#include "core/limit.h"
#include "core/purge_cap.h"
#include "os/os.h"

/* How many blocks that are huge pages in use are passed over to find one that is not. */
enum { LOOK_AT = 8 };

static _Atomic(unsigned) measuring;

void purge_measure(bool on) {
    /* relaxed: it is for what the same thread gives back; of others some may be missed. */
    (void)atomic_fetch_add_explicit(&measuring, on ? 1 : (unsigned)-1, memory_order_relaxed);
}

static unsigned calling; /* threads that are in a call; under the chunk lock */

void purge_begin_call(void) {
    calling++;
    chunks_unlock();
}

void purge_end_call(void) {
    chunks_lock();
    calling--;
}

bool purge_is_calling(void) { return calling != 0; }

void purge_reset(void) {
    atomic_store_explicit(&measuring, 0, memory_order_relaxed);
    calling = 0;
}

size_t purge_resident(uintptr_t address, size_t size) {
    bool wanted = atomic_load_explicit(&measuring, memory_order_relaxed) != 0;
    return wanted ? os_resident_bytes((void *)address, size) : 0;
}

static void count_purges(size_t calls, size_t failures, size_t bytes) {
    block_total_add(&block_totals.purge_calls, calls);
    block_total_add(&block_totals.purge_failures, failures);
    block_total_add(&block_totals.purged_bytes, bytes);
}

void purge_note(bool gone, size_t count, size_t resident) {
    block_total_add(&block_totals.measured_bytes, gone ? resident : 0);
    count_purges(1, gone ? 0 : 1, gone ? count * CHUNK_SIZE : 0);
    purge_cap_note_purged(gone ? count : 0);
}

/* Runs of dirty chunks on their way to the kernel, neither free nor taken meanwhile: as many as
 * one system call is worth. */
enum { PURGE_RUNS = 64 };

struct purge {
    size_t count, chunks;
    struct os_range range[PURGE_RUNS];
    bool failed[PURGE_RUNS];
    size_t resident[PURGE_RUNS]; /* bytes; 0 while nobody measures */
};

/* Of a huge page in use fewer free chunks than these are kept: giving them back splits it. */
enum { DENSE = ALL_CHUNKS / 8 };

static bool is_dense(const struct block *block) {
    return block_is_huge(block) && count_bits(block->free) < DENSE;
}

/* The next block to purge something of, of those that have waited longest: rather one that is not a
 * huge page in use, which would be split.  Those passed over wait from now on.  NULL: there are
 * only dense ones, and `dense` is false. */
static struct block *choose_purge_block(bool dense) {
    for (int i = 0; i < LOOK_AT; i++) {
        struct block *block = block_lists.oldest;
        if (block == NULL || !block_is_huge(block) || block->free == WHOLE) {
            return block;
        }
        block_renew(block);
    }
    return dense || !is_dense(block_lists.oldest) ? block_lists.oldest : NULL;
}

/* Up to `most` dirty chunks of a block; fewer where they lie in too many runs.  A block of which
 * nothing is in use goes whole: it may be one huge page. */
static void purge_add(struct purge *purge, struct block *block, size_t most) {
    most = block->free == WHOLE ? ALL_CHUNKS : most;
    block_set_huge(block, false);
    for (uint64_t rest = highest_bits(block->dirty, most); rest != 0;) {
        if (purge->count == PURGE_RUNS) {
            return;
        }
        unsigned first = lowest_bit(rest);
        unsigned length = run_length(rest >> first);
        uint64_t mask = mask_of(first, length);
        purge->range[purge->count++] =
            (struct os_range){block->address + first * CHUNK_SIZE, length * CHUNK_SIZE};
        purge->chunks += length;
        block_set_free(block, block->free & ~mask);
        block_set_dirty(block, block->dirty & ~mask);
        rest &= ~mask;
    }
}

/* Where the kernel refuses all of it at once, each run is asked for singly. */
static size_t purge_ranges(struct purge *purge) {
    for (size_t i = 0; i < purge->count; i++) {
        purge->failed[i] = false;
        purge->resident[i] = purge_resident(purge->range[i].address, purge->range[i].size);
    }
    if (purge->count > 1 && os_purge_ranges(purge->range, purge->count)) {
        return purge->chunks * CHUNK_SIZE;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < purge->count; i++) {
        const struct os_range *range = &purge->range[i];
        purge->failed[i] = !os_purge((void *)range->address, range->size);
        bytes += purge->failed[i] ? 0 : range->size;
    }
    return bytes;
}

/* Lock held, and given up in between.  Returns the bytes. */
static size_t purge_now(struct purge *purge) {
    purge_cap_note_purged(purge->chunks);
    purge_begin_call();
    size_t bytes = purge_ranges(purge);
    purge_end_call();
    size_t failures = 0;
    for (size_t i = 0; i < purge->count; i++) {
        struct block *block = block_of(purge->range[i].address);
        uint64_t mask = mask_of_range(&purge->range[i]);
        block_set_free(block, block->free | mask);
        if (purge->failed[i] || block_is_huge(block)) { /* made so meanwhile, maybe afterwards */
            block_set_dirty(block, block->dirty | mask);
        }
        failures += purge->failed[i];
        block_total_add(&block_totals.measured_bytes, purge->failed[i] ? 0 : purge->resident[i]);
    }
    count_purges(purge->count, failures, bytes);
    return bytes;
}

size_t purge_allowed(void) {
    size_t taken = block_total(&block_totals.taken);
    size_t least = limit_least();
    size_t room = least > taken ? least - taken : 0;
    size_t wanted = purge_cap(taken);
    return wanted < room ? wanted : room;
}

size_t purge_down_to(size_t keep, bool dense) {
    size_t bytes = 0;
    struct purge purge;
    do {
        purge.count = purge.chunks = 0;
        while (purge.count < PURGE_RUNS && block_total(&block_totals.dirty) > keep) {
            struct block *block = choose_purge_block(dense);
            if (block == NULL) {
                break;
            }
            purge_add(&purge, block, block_total(&block_totals.dirty) - keep);
        }
        size_t purged = purge.count != 0 ? purge_now(&purge) : 0;
        bytes += purged;
        if (purged == 0) {
            break; /* refused, as for locked memory: no use in asking again now */
        }
    } while (block_total(&block_totals.dirty) > keep);
    return bytes;
}

void purge_surplus(void) {
    purge_cap_note_level(block_total(&block_totals.taken), block_total(&block_totals.dirty));
    if (block_total(&block_totals.dirty) > purge_allowed()) {
        size_t less = purge_cap_base(block_total(&block_totals.taken)) / 2;
        (void)purge_down_to(purge_allowed() > less ? purge_allowed() - less : 0, limit_presses());
    }
}
