/* Heaps: what a thread allocates from.
 *
 * A heap has a bin for each size class; a bin points at a word of bits, a handful of free
 * objects of one slab, which is all that malloc's fast path looks at.  When the word is used up,
 * a refill takes the next handful from the slab, from another slab of the heap with free
 * objects (the queue), from a heap whose thread has ended, or from a new slab.
 *
 * Every slab of a heap is, at any time, one of
 *   current   the slab its bin takes from: at most one for each class
 *   queued    has (or had, when it was queued) free objects: chunk.queued
 *   full      no object free, tagged OWNER_FULL: its first free brings it back into the queue; or
 *             other threads free them all, and take it away (reclaim.h)
 * (A queued slab may have that tag too, to be told of its next free: it is *watched*, see holes.h.)
 *
 * Who may touch a heap: its thread while it is HEAP_ACTIVE; whoever holds the registry lock
 * (threads.h) while it is HEAP_PARKED; whoever holds its own lock, or leases it, while it is
 * HEAP_SHARED (shared_heap.h).  Only `notified` and what counts with it is open to all. */
#ifndef CAIRN_CORE_HEAP_H
#define CAIRN_CORE_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/owner_word.h"
#include "base/random.h"
#include "core/chunk.h"
#include "core/metadata.h"
#include "core/size_class.h"
#include "os/os.h"

struct bin {
    owner_word *avail; /* objects that malloc may take: a word of the current slab, or no_objects */
    uintptr_t base;    /* address of the object of bit 0 */
    uint32_t size;     /* of an object, in bytes */
    uint32_t zeroed;   /* objects in *avail read as zero */
    uint64_t handed; /* objects of the class that came to *avail in the heap's life, less those that
                        were taken back from there: with those still in it, what was allocated */
};

/* What a bin without a slab points at: always zero. */
extern const owner_word no_objects;

_Static_assert(sizeof(struct bin) == 1 << BIN_STRIDE_LOG, "bin_offsets are multiples of it");

/* The requests that ended in the slow path: a sample of all that a class got, as every handful of
 * objects begins with one. */
struct requests {
    uint64_t count;
    uint64_t bytes; /* asked for */
};

/* What a class has besides its bin, for refills. */
struct queue {
    struct chunk *current;
    struct chunk *head,
        *tail; /* slabs with free objects, by chunk_shared.next and prev; oldest first */
    _Atomic(uint32_t)
        slabs;      /* of this class and heap, in all; who takes one away (reclaim.h) writes
                                too */
    uint32_t found; /* objects that the pass over the current slab has found */
    struct requests requests;
    /* See holes.h. */
    struct chunk *look;     /* queued slab that is looked at next; NULL: the first */
    uint32_t handed_before; /* bin.handed at the last slow free, its lower half */
    uint32_t quiet;         /* slow frees since objects were handed out last */
};

_Static_assert(sizeof(struct queue) == CACHE_LINE, "one cache line");

enum heap_state {
    HEAP_ACTIVE = 1, /* a thread has it */
    HEAP_PARKED = 2, /* its thread has ended; waits for another, or to be emptied */
    HEAP_LOST = 3,   /* its thread did not survive a fork: only the bitmaps are to be trusted */
    HEAP_SHARED = 4  /* a first-class heap: no thread's */
};

/* Counted in slow paths only. */
struct heap_counters {
    uint64_t refills;
    uint64_t slabs_created, slabs_released, slabs_adopted;
    uint64_t remote_frees;               /* objects that other threads freed, as merged */
    uint64_t large_objects, large_bytes; /* that its threads allocated; whole pages */
    uint64_t large_asked;                /* the bytes they had asked for */
    uint64_t hole_bytes;                 /* given back from the middle of slabs */
};

/* What is about to be given back from the middle of slabs: see holes.h. */
enum { HOLES_WAITING = 64 };
struct holes {
    uintptr_t range[HOLES_WAITING]; /* addresses, with the number of pages in their low bits */
    uint32_t count;
    /* What is purged and comes into use again soon is purged in vain. */
    uint32_t looks;          /* since the clock was looked at */
    uint32_t pause_ms;       /* from since_ms on nothing is given back for so long */
    uint32_t next_pause_ms;  /* 0: as the first time */
    uint64_t since_ms;       /* when counting began: at the last pause, say */
    uint64_t purged_pages;   /* since then */
    uint64_t refilled_pages; /* of these, in use again */
    /* A heap that only frees. */
    uint64_t refills_before; /* counters.refills at the last slow free */
    uint32_t quiet;          /* slow frees since that changed */
    uint32_t settle_at;      /* so many */
    uint64_t settled_ms;     /* when it was settled last, */
    bool settled;            /* since that changed */
};

enum { HEAP_SPARES = 16 };

/* See sampling.h; of CLASS_COUNT: large requests. */
struct heap_sampling {
    uint64_t random;
    uint32_t epoch;                /* sampling_epoch when the others were drawn */
    uint64_t due[CLASS_COUNT + 1]; /* what bin.handed is when the next request is a sample */
    uint64_t objects, bytes;       /* samples that the heap's threads got, as asked for */
};

/* See heap_release_unused(). */
struct unused {
    uint32_t credit;              /* slabs that may be released: one for each time that none was */
    uint32_t handed[CLASS_COUNT]; /* bin.handed + 1, when nothing of the class was live; 0: was */
};

struct heap {
    struct bin
        bins[CLASS_COUNT]; /* at offset 0: heap_origin.bin_offsets are distances from the heap */
    _Alignas(CACHE_LINE) struct queue queues[CLASS_COUNT];
    struct heap_counters counters;
    struct holes holes;
    struct heap_sampling sampling;
    struct unused unused;
    uint32_t thread;            /* thread id of the owner */
    uint64_t refills_when_idle; /* counters.refills when it was flushed by idle() */
    struct heap *next;          /* all heaps ever made: see threads.c; written once */
    struct heap *next_parked;
    struct shared_heap *shared; /* the first-class heap that it is part of, for ever; NULL: none */
    struct shared_heap *leased; /* first-class heaps that its thread has for itself */
    _Alignas(CACHE_LINE) _Atomic(uintptr_t) spares[HEAP_SPARES]; /* see spare.h; 0: no chunk */
    _Alignas(CACHE_LINE) _Atomic(struct chunk *)
        notified;            /* slabs with remote frees; any thread pushes */
    _Atomic(uint32_t) state; /* enum heap_state */
    /* See reclaim.h. */
    _Atomic(bool)
        draining; /* the list was taken, and is being gone through; who does that writes */
    _Atomic(uint32_t) condemned;     /* chunks that others condemned, and may be on the list */
    _Atomic(uint32_t) worth_reaping; /* at so many; 0: not known yet.  Under the registry lock */
    uintptr_t spares_seen;           /* spare_sum() a while ago; background.c writes */
    /* Of heaps with an interceptor (interceptor.h): */
    void *guard;  /* the interceptor's; NULL: this heap has none, the rest is not used */
    bool retired; /* parked for good, as it is of another profile than threads have now */
    _Alignas(CACHE_LINE) uint64_t random; /* state of the heap's own numbers: base/random.h */
    struct bin closed[CLASS_COUNT];       /* always empty: what the thread's malloc sees */
};

static inline unsigned queue_slabs(const struct queue *queue) {
    /* relaxed: only the number itself matters. */
    return atomic_load_explicit(&queue->slabs, memory_order_relaxed);
}
static inline void queue_count_slabs(struct queue *queue, int by) {
    atomic_fetch_add_explicit(&queue->slabs, (uint32_t)by, memory_order_relaxed);
}

/* The distance of a closed heap's thread is that of its closed bins, which no heap's own is. */
#define CLOSED_OFFSET offsetof(struct heap, closed)
_Static_assert(CLOSED_OFFSET % CACHE_LINE == sizeof(uint64_t), "see heap_own_distance()");

/* A heap that is never closed has no memory of what only closed ones have; who copies as much as a
 * whole one reads into the margin. */
#define OPEN_HEAP_BYTES offsetof(struct heap, random)
_Static_assert(sizeof(struct heap) - OPEN_HEAP_BYTES <= METADATA_MARGIN, "see metadata.h");

/* The heap of a thread that has none, all bins empty and never written, and the table that leads
 * from a size to its bin: in one object, so that malloc needs the address of one. */
struct heap_origin {
    struct heap none;
    uint16_t bin_offsets
        [SIZE_TABLE_LENGTH]; /* [(n + 15) / 16]: offset in a heap of the bin for n <= SLAB_MAX */
};

extern const struct heap_origin heap_origin;

/* A heap is named by its distance from heap_origin.none, in thread-local memory and in
 * chunk.owner: zero is right for a thread that the C library has not initialised yet, as for one
 * without a heap. */
static inline uintptr_t heap_distance_of(const struct heap *heap) {
    return (uintptr_t)heap - (uintptr_t)&heap_origin;
}

static inline struct heap *heap_at(uintptr_t distance) {
    return (struct heap *)((uintptr_t)&heap_origin + distance);
}

/* The first-class heap that a slab with this owner is of; NULL: none, whatever the tags. */
static inline struct shared_heap *shared_heap_of_owner(uintptr_t owner) {
    return heap_at(owner & ~(uintptr_t)(CACHE_LINE - 1))->shared;
}

static inline bool distance_is_closed(uintptr_t distance) { return distance % CACHE_LINE != 0; }

/* From what a thread has as its distance to its heap's. */
static inline uintptr_t heap_own_distance(uintptr_t distance) {
    return distance_is_closed(distance) ? distance - CLOSED_OFFSET : distance;
}

static inline unsigned class_of(size_t size) {
    unsigned offset = heap_origin.bin_offsets[(size + GRANULE - 1) / GRANULE];
    return offset >> BIN_STRIDE_LOG;
}

/* Its bin for `size` bytes; size <= SLAB_MAX. */
static inline struct bin *heap_bin(struct heap *heap, size_t size) {
    uintptr_t offset = heap_origin.bin_offsets[(size + GRANULE - 1) / GRANULE];
    return (struct bin *)((uintptr_t)heap + offset);
}

/* The least class for objects of up to `size` bytes that are all aligned so, as slabs start at
 * multiples of 32 KiB; CLASS_COUNT: there is none.  size <= SLAB_MAX; alignment a power of two. */
unsigned aligned_class_of(size_t alignment, size_t size);

/* Makes a heap of zeroed memory, or one without slabs as good as new. */
void heap_start(struct heap *heap);

/* Closes a heap that is new, for a thread with an interceptor, which gets the memory at `guard`. */
void heap_close(struct heap *heap, void *guard);

/* Takes one object of a class whose bin is empty.  NULL: no memory.  may_adopt: the registry
 * lock is not held, so slabs of parked heaps may be adopted. */
void *heap_take_slow(struct heap *heap, unsigned class, bool may_adopt, bool *zeroed);

/* The last `count` objects of the class's bin, which has as many, go back to their slab. */
void heap_shorten_handful(struct heap *heap, unsigned class, unsigned count);

/* The same, any one of those that are at hand. */
void *heap_take_at_random(struct heap *heap, unsigned class, bool may_adopt, bool *zeroed);

/* Frees object `index` of a slab of this heap that is tagged full.  False: it was free already. */
bool heap_free_into_full(struct heap *heap, struct chunk *slab, uint64_t index);

/* The same whatever its tags. */
bool heap_free(struct heap *heap, struct chunk *slab, uint64_t index);

/* All objects of one word of the slab are free.  If all of all are, releases it, unless it is
 * current and has hardly been used. */
void heap_word_freed(struct heap *heap, struct chunk *slab);

/* No class has a current slab any more, so that each goes as soon as it is empty. */
void heap_leave_all(struct heap *heap);

/* Merges what other threads freed. */
void heap_drain(struct heap *heap);

/* Empties the bins back into their slabs, drains, and releases every slab without a live object. */
void heap_flush(struct heap *heap);

/* A chunk is needed, and none is there but new memory.  Releases the current slabs of classes of
 * which nothing is live in them, as was so the last time this was called, and of which no handful
 * was handed out in between.  False: there are none; or too many were before, so that a program
 * that goes from class to class does not make slabs for ever: as many as chunks of new memory. */
bool heap_release_unused(struct heap *heap);

/* Makes `heap` the owner of a slab (its head is given) that is in no queue, and queues it. */
void heap_adopt_slab(struct heap *heap, struct chunk *slab);

/* Takes a slab with free objects out of the queue of a parked heap; NULL if it has none. */
struct chunk *heap_give_up_slab(struct heap *heap, unsigned class);

/* Forgets everything but the bitmaps of its slabs (and the list of notified ones) and builds
 * bins and queues anew from them. */
void heap_rebuild(struct heap *heap);

/* Takes the first of the objects `avail`, which is what the bin's word says and not zero. */
FAST_PATH void *bin_take(struct bin *bin, uint64_t avail) {
    owner_word_write(bin->avail, avail & (avail - 1));
    return (void *)(bin->base + (uint32_t)(lowest_bit(avail) * bin->size));
}

/* Likewise any one of them. */
FAST_PATH void *bin_take_at_random(struct heap *heap, struct bin *bin, uint64_t avail) {
    unsigned turn = (unsigned)wyrand(&heap->random) % 64;
    unsigned index = (lowest_bit(rotated_right(avail, turn)) + turn) % 64;
    owner_word_write(bin->avail, avail & ~(UINT64_C(1) << index));
    return (void *)(bin->base + (uintptr_t)index * bin->size);
}

#endif
