/* Quarantine: small objects that were freed and are not free yet, so that the one who uses such an
 * object by mistake finds it as it was left, and not as another object.
 *
 * Each heap has its own.  An object first takes the place of a random one of QUARANTINE_RANDOM, and
 * what had that place goes to the end of a ring, whose first leaves when more than so many objects
 * or bytes wait; how many, the profile says.  The note of an object that waits says so
 * (core/interceptor.h); an object is released only if it does, so that a ring that a thread left
 * half-way in a fork does no harm.
 *
 * For the heap's thread only. */
#ifndef CAIRN_GUARD_QUARANTINE_H
#define CAIRN_GUARD_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "core/allocate.h"
#include "core/interceptor.h"
#include "core/slab.h"
#include "core/threads.h"

enum {
    QUARANTINE_RANDOM = 32,
    QUARANTINE_SHARE = 16, /* what has more than that part of the bytes goes to the ring at once */
    QUARANTINE_LEAST = 512 /* and nothing up to so many */
};

/* An object of a slab: the descriptor, whose address has 48 bits of which the lowest six are zero,
 * above the object's index.  So who releases it need not find them again.  0: none. */
typedef uint64_t waiting;
enum { WAITING_INDEX_BITS = 22, WAITING_SLAB_ALIGN_LOG = 6 };
_Static_assert(CACHE_LINE == 1 << WAITING_SLAB_ALIGN_LOG, "descriptors are lines");
_Static_assert(ADDRESS_BITS - WAITING_SLAB_ALIGN_LOG + WAITING_INDEX_BITS <= 64, "they fit");

static inline waiting waiting_of(const struct chunk *slab, uint64_t index) {
    return (uint64_t)(uintptr_t)slab << (WAITING_INDEX_BITS - WAITING_SLAB_ALIGN_LOG) | index;
}

struct quarantine {
    size_t bytes;                      /* of the classes of all that wait */
    uint32_t first, end;               /* of the ring: ring[i & mask], first <= i < end */
    waiting random[QUARANTINE_RANDOM]; /* 0: none */
    /* Set when a heap begins: */
    size_t most_bytes; /* of all that wait */
    uint32_t mask;     /* of the ring, which is a power of two */
    waiting ring[];
};

/* Of a quarantine with so many places in its ring. */
#define QUARANTINE_SIZE(places) (sizeof(struct quarantine) + (places) * sizeof(waiting))

/* Releases an object of a slab: it is free from now on. */
void quarantine_release_of(struct chunk *slab, uint64_t index);

/* Releases objects of the ring until it has no more than fifteen sixteenths of what it may have:
 * several at once, as a branch that a processor can't foresee, for each, costs more. */
void quarantine_make_room(struct quarantine *quarantine);

/* Keeps an object of a slab, whose note says that it waits by now; releases others. */
FAST_PATH void quarantine_keep(struct heap *heap, struct quarantine *quarantine,
                               const struct chunk *slab, uint64_t index, size_t size) {
    size_t bytes = quarantine->bytes + size;
    quarantine->bytes = bytes;
    waiting object = waiting_of(slab, index);
    if (size <= QUARANTINE_LEAST || likely(size <= quarantine->most_bytes / QUARANTINE_SHARE)) {
        uint64_t place = wyrand(&heap->random) % QUARANTINE_RANDOM;
        waiting other = quarantine->random[place];
        quarantine->random[place] = object;
        object = other;
    }
    uint32_t end = quarantine->end;
    quarantine->ring[end & quarantine->mask] = object;
    end += object != 0 ? 1 : 0;
    quarantine->end = end;
    if (unlikely(end - quarantine->first > quarantine->mask || bytes > quarantine->most_bytes)) {
        quarantine_make_room(quarantine);
    }
}

/* Releases all. */
void quarantine_empty(struct quarantine *quarantine);

/* A thread begins with it.  Another one that filled it before may have vanished in the middle of
 * that: then it is made whole. */
void quarantine_begin(struct quarantine *quarantine, uint32_t ring, size_t most_bytes);

#endif
