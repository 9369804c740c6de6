/* The block allocator: runs of chunks, for slabs and for large objects.
 *
 * A block is 2 MiB; one bit for each of its 64 chunks says free or taken.  Runs of up to a block
 * come from the block whose longest free run is the shortest that suffices, so that full blocks
 * fill up and others empty out whole; longer runs are whole neighbouring blocks and the start of
 * one more.
 *
 * A free chunk is clean (reads as zero, not resident) or dirty (was used; kept for reuse).
 * Dirty chunks are taken first.  When more are dirty than the cap allows, those that wait
 * longest go back to the kernel; but a huge page is not split for an eighth of it or less.  The cap
 * is a share of what is in use and a constant, and what was missed soon after it was purged: see
 * purge_cap.h.
 *
 *   taken + free = committed chunks of all regions;   dirty is a subset of free
 *
 * Thread-safe: one lock (RANK_CHUNKS), never held during a system call that releases memory. */
#ifndef CAIRN_CORE_BLOCK_H
#define CAIRN_CORE_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/geometry.h"

struct block {
    uintptr_t address;         /* 0: not committed (then `free` is 0 too) */
    uint64_t free;             /* bit i: chunk i is free; 0 while it is being purged */
    uint64_t dirty;            /* subset of free */
    uint8_t longest;           /* longest run of set bits in `free`; which bucket the block is in */
    bool waiting;              /* in the list of blocks with dirty chunks */
    _Atomic(bool) huge;        /* was made one huge page; nothing of it was purged since */
    _Atomic(uint8_t) regained; /* regain.h: how often that was so */
    struct block *next, *prev; /* bucket of blocks with the same `longest` */
    struct block *younger, *older; /* list of blocks with dirty chunks */
};

_Static_assert(sizeof(struct block) == 64, "one cache line");

/* relaxed: a measure for what is worth while.  Set under the chunk lock, cleared without it too. */
static inline bool block_is_huge(const struct block *block) {
    return atomic_load_explicit(&block->huge, memory_order_relaxed);
}
static inline void block_set_huge(struct block *block, bool huge) {
    atomic_store_explicit(&block->huge, huge, memory_order_relaxed);
}

/* Totals, in chunks unless said otherwise; written under the chunk lock. */
struct block_totals {
    _Atomic(size_t) taken;
    _Atomic(size_t) taken_peak;
    _Atomic(size_t) dirty;
    _Atomic(size_t) purged_bytes; /* given back to the kernel, in all */
    _Atomic(size_t) purge_calls;
    _Atomic(size_t) purge_failures;
    _Atomic(size_t) refaulted;      /* purged and taken again soon, in all */
    _Atomic(size_t) measured_bytes; /* of purged_bytes: were resident, while somebody measured */
    _Atomic(size_t) leaves; /* of the chunk map; here, as nothing else is beside its large root */
};

extern struct block_totals block_totals;

/* relaxed: written under the lock only; readers without it want a recent value, no more. */
static inline size_t block_total(const _Atomic(size_t) *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}
static inline void block_total_add(_Atomic(size_t) *counter, size_t n) {
    atomic_store_explicit(counter, block_total(counter) + n, memory_order_relaxed);
}
static inline void block_total_subtract(_Atomic(size_t) *counter, size_t n) {
    atomic_store_explicit(counter, block_total(counter) - n, memory_order_relaxed);
}

struct run {
    uintptr_t address; /* 0: no memory */
    size_t dirty; /* of its chunks: were used before, so resident as a rule; 0: all of it reads as
                          zero */
};

/* Takes `count` adjacent chunks, aligned to `alignment` bytes (a power of two). */
struct run chunks_take(size_t count, size_t alignment);

/* Takes up to a block's adjacent chunks of the blocks that there are; none rather than of a new
 * one. */
struct run chunks_take_of_old(size_t count);

/* Takes as many for an object that grows and is going to move there, and to give up the `leaving`
 * chunks from `from` on: for that moment no more counts as in use than before or after. */
struct run chunks_take_to_move(size_t count, uintptr_t from, size_t leaving);

/* Makes one huge page of a block of which all is the caller's, who has not written to it, unless it
 * is one; false: the kernel can't. */
bool chunks_make_huge(uintptr_t address);

/* The same of a block of which the first `count` chunks are the caller's, if nothing of the rest is
 * in use or resident.  That is kept for reuse then. */
bool chunks_make_huge_from(uintptr_t address, size_t count);

/* The same of a block that is resident in part, whosever its chunks are, if what is free of it may
 * be kept. */
bool chunks_make_whole(uintptr_t address);

/* Gives chunks back.  dirty: they may have been written to. */
void chunks_give(uintptr_t address, size_t count, bool dirty);

/* Gives back chunks whose pages were moved there or away, perhaps, mapped anew so that they are one
 * mapping with their neighbours.  False: the kernel refused that, or keeps them apart all the same,
 * so they are still a mapping of their own. */
bool chunks_give_anew(uintptr_t address, size_t count);

/* Several single chunks at once: up to `most` dirty ones, wherever they are; returns how many. */
size_t chunks_take_dirty(uintptr_t *addresses, size_t most);
void chunks_give_dirty(const uintptr_t *addresses, size_t count);

/* Takes the `count` chunks from `address` on, if all of them are free.  *zeroed: they read as
 * zero. */
bool chunks_extend(uintptr_t address, size_t count, bool *zeroed);

/* The chunks that are taken, or the most that were within the last seconds. */
size_t chunks_taken_lately(void);

/* Whether the program swings by that much: what it gives up it will want back soon. */
bool chunks_swing_by(size_t count);

/* Gives all dirty chunks to the kernel; returns the bytes. */
size_t chunks_purge_all(void);

/* For who comes by now and then: lets go what has been kept without need for a while. */
void chunks_look_at_quiet(void);

/* Called by chunks_watch() with the chunks that are taken, the chunk lock not held; NULL while
 * nobody follows the growth. */
extern void (*_Atomic chunks_watcher)(size_t taken);

/* By whoever took chunks, once their descriptors say what they are. */
static inline void chunks_watch(void) {
    /* relaxed: it is set once, and who misses it for a while does no harm. */
    void (*watcher)(size_t) = atomic_load_explicit(&chunks_watcher, memory_order_relaxed);
    if (unlikely(watcher != NULL)) {
        watcher(block_total(&block_totals.taken));
    }
}

/* Milliseconds that a fork waits for what other threads have in hand, so that the child loses none
 * of it.  Not for ever: a signal's handler may fork in the middle of that. */
enum { FORK_WAITS_MS = 1000 };

/* For fork, and for walks of all descriptors that must not race with release and reuse. */
void chunks_lock(void);
void chunks_unlock(void);

/* The same when no thread is giving chunks back to the kernel: those are in no list at that moment,
 * and would be in none in a child for ever. */
void chunks_lock_for_fork(void);
void chunks_reset_lock(void);

#endif
