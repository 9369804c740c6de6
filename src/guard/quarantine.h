/* Quarantine: small objects that were freed and are not free yet, so that the one who uses such an
 * object by mistake finds it as it was left, and not as another object.
 *
 * Each heap has its own.  An object first takes the place of a random one of QUARANTINE_RANDOM, and
 * what had that place goes to the end of a ring, whose first leaves when more than so many objects
 * or bytes wait.  The note of an object that waits says so (core/interceptor.h); an object is
 * released only if it does, so that a ring that a thread left half-way in a fork does no harm.
 *
 * For the heap's thread only. */
#ifndef CAIRN_GUARD_QUARANTINE_H
#define CAIRN_GUARD_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "core/interceptor.h"

enum {
    QUARANTINE_RANDOM = 32,
    QUARANTINE_RING = 256,   /* objects in the ring at most: a power of two */
    QUARANTINE_BYTES = 65536, /* of all that wait, at most */
    QUARANTINE_SHARE = 16     /* what has more than that part of the bytes goes to the ring at once */
};

struct quarantine {
    size_t bytes;          /* of the classes of all that wait */
    uint32_t first, count; /* of the ring: ring[(first + i) % QUARANTINE_RING], i < count */
    uintptr_t random[QUARANTINE_RANDOM]; /* 0: none */
    uintptr_t ring[QUARANTINE_RING];
};

/* Keeps an object of a slab, whose note says that it waits by now; releases others. */
void quarantine_keep(struct heap *heap, struct quarantine *quarantine, uintptr_t object,
                     size_t size);

/* Releases one object: it is free from now on.  A double free is reported. */
void quarantine_release(uintptr_t object);

/* Releases all. */
void quarantine_empty(struct quarantine *quarantine);

/* The thread that filled it may have vanished in the middle of it: makes it whole. */
void quarantine_mend(struct quarantine *quarantine);

#endif
