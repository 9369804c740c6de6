#include "core/block.h"

#include "base/bits.h"
#include "base/check.h"
#include "core/block_lists.h"
#include "core/chunk_map.h"
#include "core/chunk_mask.h"
#include "core/limit.h"
#include "core/mapping_names.h"
#include "core/place.h"
#include "core/purge.h"
#include "core/purge_cap.h"
#include "core/regain.h"
#include "core/region.h"
#include "core/spare.h"
#include "os/mutex.h"
#include "os/os.h"

/* How many blocks with dirty chunks are looked at for a run. */
enum { LOOK_AT = 8 };

static struct mutex lock = MUTEX(RANK_CHUNKS);

struct block_totals block_totals;
void (*_Atomic chunks_watcher)(size_t taken);

void chunks_lock(void) { mutex_lock(&lock); }
void chunks_unlock(void) { mutex_unlock(&lock); }

void chunks_lock_for_fork(void) {
    chunks_lock();
    for (int i = 0; i < FORK_WAITS_MS && purge_is_calling(); i++) {
        chunks_unlock();
        os_pause_ms(1);
        chunks_lock();
    }
}

/* --- taking ----------------------------------------------------------------------------------- */

/* Takes the chunks of mask, all free; returns how many were dirty. */
static size_t take_mask(struct block *block, uint64_t mask) {
    DCHECK((block->free & mask) == mask);
    size_t dirty = count_bits(block->dirty & mask);
    block_set_free(block, block->free & ~mask);
    if (dirty != 0) {
        block_set_dirty(block, block->dirty & ~mask);
    }
    return dirty;
}

/* Whether they were purged lately.  `leaving`: chunks that their owner is about to give up. */
static bool note_taken(size_t count, size_t dirty, size_t leaving) {
    block_total_add(&block_totals.taken, count);
    if (block_total(&block_totals.taken) > block_total(&block_totals.taken_peak)) {
        atomic_store_explicit(&block_totals.taken_peak, block_total(&block_totals.taken),
                              memory_order_relaxed);
    }
    purge_cap_note_level(block_total(&block_totals.taken) - leaving,
                         block_total(&block_totals.dirty));
    size_t again = purge_cap_note_taken(count - dirty);
    block_total_add(&block_totals.refaulted, again);
    return again != 0;
}

/* The block that a run is being taken from but not all of it, if nothing of it is in use or
 * resident.  Under the lock. */
static struct block *untouched;

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
        block_lists_add(block, address + i * BLOCK_SIZE);
    }
    return block_of(address);
}

/* A block that has a run dirty, the fullest of those looked at; or NULL. */
static struct block *choose_dirty_block(unsigned count) {
    struct block *best = NULL;
    struct block *block = block_lists.youngest;
    for (int i = 0; i < LOOK_AT && block != NULL; i++, block = block->older) {
        if (starts_of_runs(block->dirty, count) != 0 &&
            (best == NULL || block->longest < best->longest)) {
            best = block;
        }
    }
    return best;
}

/* The block to take a short run from: one that has it dirty, as clean memory costs page faults;
 * else the one whose longest run is the shortest that suffices. */
static struct block *choose_block(unsigned count, bool may_grow) {
    struct block *dirty = choose_dirty_block(count);
    if (dirty != NULL) {
        return dirty;
    }
    uint64_t usable = block_lists.filled & ~low_mask(count - 1);
    struct block *block = usable != 0 ? block_lists.bucket[lowest_bit(usable) + 1]
                          : may_grow  ? grow(1)
                                      : NULL;
    untouched = block != NULL && block->free == WHOLE ? block : NULL;
    return block;
}

/* A run within one block. */
static struct run take_short(unsigned count, bool may_grow) {
    struct block *block = choose_block(count, may_grow);
    if (block == NULL) {
        return (struct run){0, 0};
    }
    uint64_t starts = starts_of_runs(block->dirty, count);
    if (starts == 0) {
        starts = starts_of_runs(block->free, count);
    }
    unsigned first = lowest_bit(starts);
    size_t dirty = take_mask(block, mask_of(first, count));
    return (struct run){block->address + first * CHUNK_SIZE, dirty};
}

/* Returns how many were dirty. */
static size_t take_from(uintptr_t address, size_t count) {
    size_t dirty = 0;
    while (count > 0) {
        size_t first = (address / CHUNK_SIZE) % ALL_CHUNKS;
        size_t here = ALL_CHUNKS - first;
        if (here > count) {
            here = count;
        }
        dirty += take_mask(block_of(address), mask_of((unsigned)first, here));
        address += here * CHUNK_SIZE;
        count -= here;
    }
    return dirty;
}

/* In new blocks, where place_find() found nothing. */
static void make_place(struct place *place) {
    size_t offset = place->room != 0 ? place->from / CHUNK_SIZE % ALL_CHUNKS : 0;
    size_t chunks = offset + place->count + place->room;
    struct block *block = grow((chunks + ALL_CHUNKS - 1) / ALL_CHUNKS);
    place->address = block != NULL ? block->address + offset * CHUNK_SIZE : 0;
}

/* For what grows and moves from there: half as much again is free behind it, so that it moves a few
 * times though it grows in many small steps.  Nowhere if there is no memory. */
static struct place find_roomy(size_t count, uintptr_t from) {
    struct place place = {.count = count, .room = count / 2, .from = from};
    place_find(&place);
    if (place.address == 0) {
        make_place(&place);
    }
    return place;
}

/* A run of more than a block; for what moves, if `leaving` is not 0, and has no resident memory to
 * go to: that would be the best. */
static struct run take_long(size_t count, uintptr_t from, size_t leaving) {
    struct place place = {.count = count};
    place_find(&place);
    if (place.dirty < leaving) {
        struct place roomy = find_roomy(count, from);
        place = roomy.address != 0 ? roomy : place;
    }
    if (place.address == 0) {
        make_place(&place);
    }
    size_t dirty = place.address != 0 ? take_from(place.address, count) : 0;
    return (struct run){place.address, dirty};
}

/* A program of so many chunks will soon use the next block: as one huge page it costs one page
 * fault instead of 512, and what it may leave unused is a small share.  Many threads may leave more
 * of it, as all have slabs of their own that are hardly used: so many more chunks for each that is
 * more than a few. */
enum { HUGE_FROM = 512, HUGE_FEW_THREADS = 8, HUGE_FROM_EACH = 128 };

/* All of it is resident then.  `touch`: as of os_make_huge(). */
static bool make_huge(struct block *block, uintptr_t touch) {
    if (!os_make_huge((void *)block->address, BLOCK_SIZE, (void *)touch)) {
        return false;
    }
    chunks_lock();
    block_total_add(&block_totals.refaulted, purge_cap_note_taken(count_bits(block->free)));
    block_set_dirty(block, block->free);
    block_set_huge(block, true);
    chunks_unlock();
    return true;
}

bool chunks_make_huge(uintptr_t address) {
    struct block *block = block_of(address);
    return block_is_huge(block) || make_huge(block, address);
}

/* Whether the heap is large enough for huge pages of which not all is used at once.  Lock held. */
static bool may_be_huge(void) {
    size_t threads = spare_heaps();
    size_t more = threads > HUGE_FEW_THREADS ? threads - HUGE_FEW_THREADS : 0;
    size_t taken = block_total(&block_totals.taken),
           held = taken + block_total(&block_totals.dirty);
    return taken >= HUGE_FROM + more * HUGE_FROM_EACH && !limit_presses() &&
           held + ALL_CHUNKS <= limit_hard();
}

bool chunks_make_whole(uintptr_t address) {
    struct block *block = block_of(address);
    chunks_lock();
    size_t dirty = block_total(&block_totals.dirty) + count_bits(block->free & ~block->dirty);
    bool may = may_be_huge() && dirty <= purge_allowed();
    chunks_unlock();
    return may && make_huge(block, 0);
}

/* The untouched block, if it may be made huge.  Lock held. */
static struct block *huge_block(void) {
    return untouched != NULL && may_be_huge() ? untouched : NULL;
}

bool chunks_make_huge_from(uintptr_t address, size_t count) {
    struct block *block = block_of(address);
    chunks_lock();
    bool may =
        may_be_huge() && block->free == (WHOLE & ~low_mask((unsigned)count)) && block->dirty == 0;
    chunks_unlock();
    return may && make_huge(block, address);
}

/* Whether `count` more chunks stay within the hard limit as things are, because no limit is near or
 * as they are dirty already. */
static bool has_room(size_t count) {
    size_t hard = limit_hard();
    size_t held = block_total(&block_totals.taken) + block_total(&block_totals.dirty);
    return likely(held <= hard && count <= hard - held) ||
           (held <= hard && count <= ALL_CHUNKS && choose_dirty_block((unsigned)count) != NULL);
}

/* Purges until `count` more chunks stay within the hard limit, also if all of them are clean.  Lock
 * held, and given up in between.  False: too much is taken, or the kernel refuses to purge. */
static bool make_room(size_t count) {
    size_t hard = limit_hard();
    if (count > hard) {
        return false;
    }
    size_t most = hard - count;
    while (block_total(&block_totals.taken) + block_total(&block_totals.dirty) > most) {
        size_t taken = block_total(&block_totals.taken);
        if (taken > most || purge_down_to(most - taken, true) == 0) {
            return false;
        }
    }
    return true;
}

/* Above the soft limit no dirty chunks are kept.  Lock held, and given up in between. */
static void keep_soft_limit(void) {
    if (unlikely(limit_presses()) && block_lists.oldest != NULL) {
        purge_surplus();
    }
}

struct wish {
    size_t count;
    size_t leaving; /* of what moves there: the chunks that it will give up, */
    uintptr_t from; /* from this address on */
    bool is_modest; /* rather nothing than a new block */
    bool *resident; /* NULL, or set if it was made resident, as a part of a huge page */
};

static struct run take_any(const struct wish *wish) {
    return wish->count <= ALL_CHUNKS ? take_short((unsigned)wish->count, !wish->is_modest)
                                     : take_long(wish->count, wish->from, wish->leaving);
}

static struct run take(struct wish wish) {
    struct run run = {0, 0};
    bool again = false;
    chunks_lock();
    untouched = NULL;
    if (has_room(wish.count) || make_room(wish.count)) {
        run = take_any(&wish);
        limit_note_refusal(false);
    } else {
        limit_note_refusal(true);
    }
    if (run.address != 0) {
        again = note_taken(wish.count, run.dirty, wish.leaving) && wish.count == 1;
        keep_soft_limit();
    }
    struct block *huge = huge_block();
    chunks_unlock();
    if (huge != NULL && run.address != 0) {
        bool made = make_huge(huge, run.address);
        if (wish.resident != NULL) {
            *wish.resident = made;
        }
    } else if (again) {
        (void)regain(run.address);
    }
    return run;
}

struct run chunks_take_to_move(size_t count, uintptr_t from, size_t leaving) {
    return take((struct wish){.count = count, .leaving = leaving, .from = from});
}

struct run chunks_take_of_old(size_t count) {
    return take((struct wish){.count = count, .is_modest = true});
}

struct run chunks_take(size_t count, size_t alignment) {
    if (alignment <= CHUNK_SIZE) {
        return take((struct wish){.count = count});
    }
    /* More than needed, and the ends given back. */
    size_t extra = alignment / CHUNK_SIZE - 1;
    bool resident = false;
    struct run run = take((struct wish){.count = count + extra, .resident = &resident});
    if (run.address == 0) {
        return run;
    }
    /* What is resident must not count as clean: nobody would ever purge it. */
    bool dirty = run.dirty != 0 || resident;
    uintptr_t aligned = round_up(run.address, alignment);
    size_t before = (aligned - run.address) / CHUNK_SIZE;
    if (before > 0) {
        chunks_give(run.address, before, dirty);
    }
    if (before < extra) {
        chunks_give(aligned + count * CHUNK_SIZE, extra - before, dirty);
    }
    run.address = aligned;
    return run;
}

size_t chunks_take_dirty(uintptr_t *addresses, size_t most) {
    size_t count = 0;
    chunks_lock();
    while (count < most && block_lists.youngest != NULL) {
        struct block *block = choose_dirty_block(1);
        uint64_t chunks = lowest_bits(block->dirty, (unsigned)(most - count));
        (void)take_mask(block, chunks);
        for (; chunks != 0; chunks &= chunks - 1) {
            addresses[count++] = block->address + lowest_bit(chunks) * CHUNK_SIZE;
        }
    }
    (void)note_taken(count, count, 0);
    chunks_unlock();
    return count;
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

/* The block in which a run ends, if it does not fill it and nothing of it is in use or resident. */
static struct block *untouched_at_end(uintptr_t address, size_t count) {
    uintptr_t end = address + count * CHUNK_SIZE;
    struct block *block = end % BLOCK_SIZE != 0 ? block_of(end) : NULL;
    return block != NULL && block->free == WHOLE && block->dirty == 0 ? block : NULL;
}

bool chunks_extend(uintptr_t address, size_t count, bool *zeroed) {
    chunks_lock();
    struct block *huge = NULL;
    bool ours = is_free_run(address, count) && make_room(count) && is_free_run(address, count);
    if (ours) {
        untouched = untouched_at_end(address, count);
        size_t dirty = take_from(address, count);
        *zeroed = dirty == 0;
        (void)note_taken(count, dirty, 0);
        keep_soft_limit();
        huge = huge_block();
    }
    chunks_unlock();
    if (huge != NULL) {
        (void)make_huge(huge, address > huge->address ? address : huge->address);
    }
    return ours;
}

/* --- giving back ------------------------------------------------------------------------------ */

void chunks_reset_lock(void) {
    purge_reset();
    mutex_reset(&lock);
}

size_t chunks_taken_lately(void) {
    chunks_lock();
    size_t high = purge_cap_high(), taken = block_total(&block_totals.taken);
    chunks_unlock();
    return high > taken ? high : taken;
}

bool chunks_swing_by(size_t count) {
    chunks_lock();
    bool swings = purge_cap_missed() >= count;
    chunks_unlock();
    return swings;
}

size_t chunks_purge_all(void) {
    chunks_lock();
    size_t bytes = purge_down_to(0, true);
    chunks_unlock();
    return bytes;
}

void chunks_look_at_quiet(void) {
    chunks_lock();
    purge_surplus();
    chunks_unlock();
}

static void give_mask(struct block *block, uint64_t mask, bool dirty) {
    DCHECK((block->free & mask) == 0);
    block_set_free(block, block->free | mask);
    if (dirty) {
        block_set_dirty(block, block->dirty | mask);
    } else {
        block_set_huge(block, false);
    }
}

void chunks_give(uintptr_t address, size_t count, bool dirty) {
    chunks_lock();
    block_total_subtract(&block_totals.taken, count);
    if (dirty && count >= ALL_CHUNKS && count > purge_allowed()) {
        /* Larger than all that may be kept: one call for all of it. */
        purge_begin_call();
        size_t resident = purge_resident(address, count * CHUNK_SIZE);
        dirty = !os_purge((void *)address, count * CHUNK_SIZE);
        purge_end_call();
        purge_note(!dirty, count, resident);
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

bool chunks_give_anew(uintptr_t address, size_t count) {
    size_t resident = purge_resident(address, count * CHUNK_SIZE);
    bool anew = os_map_anew((void *)address, count * CHUNK_SIZE);
    mapping_name_heap((void *)address, count * CHUNK_SIZE);
    regions_settle(address, count * CHUNK_SIZE);
    chunks_lock();
    purge_note(anew, count, resident);
    bool merged = anew && regions_merge_at(address);
    chunks_unlock();
    chunks_give(address, count, !anew);
    return merged;
}

void chunks_give_dirty(const uintptr_t *addresses, size_t count) {
    chunks_lock();
    block_total_subtract(&block_totals.taken, count);
    for (size_t i = 0; i < count; i++) {
        unsigned chunk = (unsigned)(addresses[i] / CHUNK_SIZE) % ALL_CHUNKS;
        give_mask(block_of(addresses[i]), mask_of(chunk, 1), true);
    }
    purge_surplus();
    chunks_unlock();
}
