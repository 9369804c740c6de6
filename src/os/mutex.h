/* A mutex of four bytes that works on an all-zero image, before any constructor and across fork.
 *
 * Every mutex has a rank; a thread takes them in ascending order only.  Builds with CAIRN_DEBUG
 * assert it. */
#ifndef CAIRN_OS_MUTEX_H
#define CAIRN_OS_MUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All locks of the allocator, in the order in which they may be taken. */
enum mutex_rank {
    RANK_REGISTRY = 1,  /* the list of regions; held while a visitor may allocate */
    RANK_CACHES = 2,    /* the list of object caches */
    RANK_REGION = 3,    /* the insides of one region: an object cache's slabs */
    RANK_GUARD = 4,     /* the debug profile: one thread at a time */
    RANK_HEAP = 5,      /* the bins and queues of one first-class heap */
    RANK_THREADS = 6,   /* the registry of heaps: parking, adoption, fork */
    RANK_RECLAIM = 7,   /* slabs of others that are being condemned */
    RANK_BOOKS = 8,     /* which chunks the first-class heaps hold */
    RANK_CHUNKS = 9,    /* regions, blocks, runs of chunks */
    RANK_METADATA = 10, /* the tables' own memory */
    RANK_SAMPLES = 11   /* the slots of samples */
};

struct mutex {
    _Atomic(uint32_t) state; /* 0 free, 1 held, 2 held and somebody may be asleep */
    uint32_t rank;
};

#define MUTEX(rank_of_it) \
    { 0, (rank_of_it) }

void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* Takes it if that needs no waiting. */
bool mutex_try_lock(struct mutex *mutex);

/* In a child after fork: free, whoever of the vanished threads held it. */
void mutex_reset(struct mutex *mutex);

/* A mutex for sections of some ten nanoseconds that are entered at every turn: one atomic
 * read-modify-write to take it and none to give it back, where struct mutex needs one for each.
 *
 * The price is that a wake-up can be missed.  Who gives it back stores 0 and then looks whether
 * somebody sleeps; without a fence between, the processor may look before the store can be seen,
 * just while another thread counts itself among the sleepers and still finds the latch held.  So
 * nobody sleeps for longer than LATCH_SLEEP_MS without looking again. */
struct latch {
    struct mutex mutex;         /* its state is never 2 */
    _Atomic(uint32_t) sleepers; /* threads that sleep, are about to, or have just woken up */
};

enum { LATCH_SLEEP_MS = 1 };

#define LATCH(rank_of_it) \
    { MUTEX(rank_of_it), 0 }

void latch_lock(struct latch *latch);
void latch_unlock(struct latch *latch);
bool latch_try_lock(struct latch *latch);
void latch_reset(struct latch *latch);

#endif
