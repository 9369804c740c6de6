/* Regions: reserved address space that becomes writable from its low end upwards.
 *
 *   [base, base + committed)             writable: blocks that the block allocator has
 *   [base + committed, base + reserved)  reserved only: neither memory nor commit charge
 *
 * The first region is small, so that a tiny program's VIRT stays small; each further one is as
 * large as all before together, up to REGION_MAX; where the kernel refuses, half of it is tried,
 * and so on.  Address space is never given back: released memory is purged.  All functions
 * but those that say so: chunk lock held. */
#ifndef CAIRN_CORE_REGION_H
#define CAIRN_CORE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGION_LIMIT = 512 };

struct region {
    uintptr_t base;   /* a multiple of twice BLOCK_SIZE */
    size_t reserved;  /* bytes, a multiple of BLOCK_SIZE */
    size_t committed; /* bytes, likewise; committed <= reserved; grows only */
    size_t inherited; /* of committed: was so when the process was forked; 0 in one that was not */
};

struct region_table {
    size_t count;                       /* grows only */
    size_t reserved;                    /* sum over region[].reserved */
    size_t committed;                   /* sum over region[].committed */
    struct region region[REGION_LIMIT]; /* behind the others: one page has all of a small heap */
};

extern struct region_table regions;

/* `count` and `committed` for a reader without the lock: what they span is there, and so is the
 * chunk map of it.  (Its last blocks may be on their way to the block allocator.) */
static inline size_t regions_seen(void) {
    return __atomic_load_n(&regions.count, __ATOMIC_ACQUIRE);
}

static inline uintptr_t region_end_seen(const struct region *region) {
    return region->base + __atomic_load_n(&region->committed, __ATOMIC_ACQUIRE);
}

/* In the child of a fork.  What it inherits the kernel keeps apart from what is mapped there
 * later. */
void regions_note_fork(void);

/* Whether memory that is mapped anew at this address becomes one mapping with its neighbours. */
bool regions_merge_at(uintptr_t address);

/* For memory of a region that was mapped anew: huge pages come there as in the rest of it, or its
 * neighbours would be other mappings.  Any thread. */
void regions_settle(uintptr_t address, size_t size);

/* Makes at least `blocks` further adjacent blocks writable (more where the heap is large
 * already); returns the first one's address and in *got how many.  0: the kernel refuses. */
uintptr_t region_grow(size_t blocks, size_t *got);

#endif
