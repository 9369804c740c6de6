/* Slots: the memory of sampled objects, and what is known of each.
 *
 *   |guard|       ...      |object|guard|object|      ...       |guard|  ...
 *   ^ slot 0                      ^ slot 1                      ^ slot 2
 *
 * A slot is SLOT_STRIDE bytes of reserved address space; its first page stays untouchable for
 * ever, and so do all that its object does not need.  The object ends at the slot's end, or
 * begins behind the first page.  When it is freed its pages become untouchable too, and the slot
 * goes to the end of the queue of slots in no use: so freed memory is watched for as long as
 * there are others.  What is known of a slot lies in a table far from it.
 *
 * States of a slot, and who may write to it:
 *   SLOT_UNUSED   in the queue, or never used; nobody
 *   SLOT_TAKING   who took it from the queue
 *   SLOT_LIVE     has a live object; nobody, until somebody makes it SLOT_FREEING
 *   SLOT_FREEING  who made it so
 *
 *   used = in the queue + TAKING + LIVE + FREEING;   used <= count */
#ifndef CAIRN_GUARD_SLOTS_H
#define CAIRN_GUARD_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/report.h"

/* A page less is the largest object that a slot can have.  (Address space only: untouched.) */
#define SLOT_STRIDE ((size_t)512 << 10)

enum {
    SLOTS_DEFAULT = 256,
    SLOTS_MAX = 1 << 14,
    SLOTS_MARKED_MAX = 1 << 17,
    SLOTS_MARKED_DELAY = 1 << 12
};

enum slot_state { SLOT_UNUSED, SLOT_TAKING, SLOT_LIVE, SLOT_FREEING };

struct slot {
    _Atomic(uint32_t) state; /* enum slot_state */
    uint32_t next;           /* in the queue, number + 1; under the lock */
    uintptr_t object;        /* where it starts, also when it was freed; 0: never used */
    size_t size;             /* of it, as asked for */
    struct life life;        /* of it */
    _Atomic(bool) reported;  /* a fault at it */
};

/* Makes them, once; under the lock: *count, or as many as there may be.  False: refused.
 *
 * Each costs up to two mappings while it is in use, so there are SLOTS_MAX.  With `by_markers` a
 * slot that was used once is one mapping with the slots before it, in which the kernel marks what
 * may not be touched, and there may be more; where it can't they are as without.  As each costs
 * page tables from its first use on, freed ones are used again once SLOTS_MARKED_DELAY wait. */
bool slots_make(size_t *count, bool by_markers);
bool slots_are_made(void);
uintptr_t slots_base(void);
size_t slots_bytes(void);

/* The slot in which an address lies. */
struct slot *slot_at(uintptr_t address);

/* By number: of those below slots_used() each was used at least once. */
size_t slot_number(const struct slot *slot);
struct slot *slot_of_number(size_t number);
size_t slots_used(void);

/* The slot whose object an address in the pool is in, or nearest to; NULL: none around it was ever
 * used. */
struct slot *slot_nearest(uintptr_t address);

/* A slot that is the caller's, SLOT_TAKING; NULL: all are live. */
struct slot *slot_take(void);

/* Places an object in it and makes its pages accessible; before: beginning behind the guard page,
 * else ending at one.  It fits.  False: refused; the slot is the caller's still, to be closed. */
bool slot_open(struct slot *slot, size_t size, size_t alignment, bool before);
bool slot_fits(size_t size, size_t alignment); /* alignment: a power of two */

/* From now on it is live. */
void slot_publish(struct slot *slot);

/* Its object is not live any more, or is being freed. */
bool slot_was_freed(const struct slot *slot);

/* Who gets true may free the object: it was live. */
bool slot_claim(struct slot *slot);

/* Makes the pages untouchable and puts the slot to the end of the queue; it was TAKING or
 * FREEING. */
void slot_close(struct slot *slot);

/* The bytes around the object in its pages are filled by slot_open().  False: there are others now;
 * then *finding says where. */
bool slot_margins_hold(const struct slot *slot, struct finding *finding);

struct slots_counts {
    uint64_t live, live_bytes, taken;
};
void slots_count(struct slots_counts *counts);

/* What must hold between calls, of all of them; NULL, or what does not. */
const char *slots_problem(uintptr_t *where);

void slots_lock(void);
void slots_unlock(void);

/* In the child of a fork, before any other thread: slots that were being taken or freed by threads
 * that are gone are freed. */
void slots_after_fork_in_child(void);

#endif
