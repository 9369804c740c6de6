/* Shared heaps: what first-class heaps are made of.  Any thread allocates from one and frees into
 * it, and it ends with all its objects when its user says so.
 *
 * WHO TOUCHES IT  Its bins, queues and slabs are touched by whoever holds its lock, unless a thread
 *   has it for itself (a lease: while the thread's plain malloc comes from it, or while it walks
 *   it); then by that thread alone, without the lock.  While a lease lasts, others that want to
 *   allocate small objects wait.  Nobody waits to free: a free takes the lock if that is free at
 *   once, and otherwise goes the way of remote frees (remote.h).  Large objects need no lock.
 *   The lock is a latch (os/mutex.h), given back by a store with release and taken with acquire:
 *   so each holder finds all that the ones before it did, `life` among it, and nothing below asks
 *   more of it.  The one order of seq_cst operations is for those who do not hold it.
 *
 * THE END  A free may be between finding a slab and setting its bit while another thread destroys
 *   the heap.  The slab's memory must not become another slab then.  So who frees without the lock,
 *   or frees a large object, does it like this:
 *       1. read the owner: a slab of heap H                     (as every free)
 *       2. count itself in at H                                 (in_flight + 1)
 *       3. if H lives, and the owner is as before: free
 *       4. count itself out                                     (in_flight - 1)
 *   and who destroys H:
 *       a. says that it does not live any more                  (life)
 *       b. waits until in_flight is 0
 *       c. releases all slabs and large objects
 *       d. lets others have what was pushed on its list          (threads_retire)
 *   2 comes before 3 and a before b in the one order of all seq_cst operations, so either 3 sees a,
 *   and touches nothing, or b sees 2, and waits for 4.  A free that finds in 3 that H does not live
 *   is one of an object that destroy is just freeing: it is done.  One that finds the slab gone, as
 *   c has begun, is reported as one of memory that was released.  (One that stops between 1 and 2
 *   until H has ended, serves as another first-class heap, and has a slab in the same place again,
 *   frees what is there.  So does any free that begins too late; no allocator can tell.)
 *
 *   The memory of a shared heap is kept for other shared heaps, for ever, so 2 to 4 may come at any
 *   time; and what freed into an earlier owner's slab and is late to say so may push it on the list
 *   of H at any time (remote.h), also of an H that has ended: d, and the state HEAP_PARKED from
 *   then on, see to it that it is passed on.
 *
 *   Who dissolves H waits for nobody.  Under the lock it makes the slabs a parked heap's, and only
 *   then says that H does not live: so a free that finds in 3 that the slab is H's and H does not
 *   live can't be one of an object that lives on, and one that finds the slab another's begins
 *   again.  One that stops between 3 and its write writes into the right slab all the same: that
 *   can't be released before the object is free.
 *
 * tests/model/destroy.pml and dissolve.pml hold this protocol as spin models. */
#ifndef CAIRN_CORE_SHARED_HEAP_H
#define CAIRN_CORE_SHARED_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/heap.h"
#include "core/heap_books.h"
#include "os/mutex.h"

enum shared_heap_life { SHARED_HEAP_RETIRED = 0, SHARED_HEAP_ALIVE = 1, SHARED_HEAP_ENDING = 2 };

struct shared_heap {
    struct heap heap; /* heap.shared leads back here */
    struct latch lock;
    _Atomic(uint32_t) leased; /* 1 while a thread has it for itself; written under the lock */
    struct heap *lessee;      /* that thread's own heap, or NULL; lock */
    uint32_t leases;          /* how often, one within the other; lock */
    uint32_t waiting;         /* threads that sleep until a lease ends; lock */
    struct shared_heap *next_leased; /* of the same lessee, whose thread writes */
    struct books books;
    void *user; /* whatever the layer above knows it by */
    struct shared_heap *next_retired;
    _Alignas(CACHE_LINE) _Atomic(uint32_t) in_flight; /* frees under way without the lock */
    _Atomic(uint32_t) life;                           /* enum shared_heap_life; seq_cst */
};

/* At most limit_chunks chunks of memory; 0: no limit.  NULL: no memory. */
struct shared_heap *shared_heap_create(size_t limit_chunks);

/* Frees all objects.  Nobody allocates from it any more, or has it for itself. */
void shared_heap_destroy(struct shared_heap *heap);

/* Ends it, but its objects live on as objects of the process's heap.  Likewise.  False: no memory
 * for that, and nothing has changed. */
bool shared_heap_dissolve(struct shared_heap *heap);

/* An object; alignment a power of two.  *zeroed: it reads as zero.  NULL: no memory, or the limit
 * is reached. */
void *shared_heap_allocate(struct shared_heap *heap, size_t size, size_t alignment, bool *zeroed);

/* The heap that a slab or a live large object is of; NULL: no shared one. */
static inline struct shared_heap *shared_heap_of(const struct chunk *head) {
    if (chunk_is(head, CHUNK_LARGE)) {
        /* acquire: the heap is initialised. */
        return atomic_load_explicit(&head->holder, memory_order_acquire);
    }
    return shared_heap_of_owner(chunk_owner(head));
}

/* Says of an attempt to free something that it was seen to be another heap's by now: to be tried
 * again. */
enum shared_freed { SHARED_FREED, SHARED_FREED_NOT, SHARED_MOVED };

/* Frees the object at an address in a slab whose owner was read as `owner`, a shared heap.
 * SHARED_FREED_NOT: there is none, or it was free already. */
enum shared_freed shared_heap_free(struct chunk *slab, uintptr_t owner, uintptr_t address);

/* 2 to 4, for large objects.  False: the heap does not live.  To be followed by
 * shared_heap_leave() in either case. */
bool shared_heap_come(struct shared_heap *heap);
void shared_heap_leave(struct shared_heap *heap);

/* --- a heap for oneself ----------------------------------------------------------------------- */

/* Waits until no other thread has it; then the calling one does, once more if it did already.
 * False: the thread can have no heap of its own, which it needs for that. */
bool shared_heap_lease(struct shared_heap *heap);
void shared_heap_end_lease(struct shared_heap *heap);

/* Whether the calling thread has it. */
bool shared_heap_is_leased(const struct shared_heap *heap);

/* Ends the leases of a thread that ends and has any; its own heap is given. */
void shared_heap_end_leases(struct heap *own);

/* --- looking, giving back --------------------------------------------------------------------- */

struct shared_heap_figures {
    size_t objects, bytes;      /* live; in bytes of their classes, or whole pages */
    size_t slabs, large;        /* held */
    size_t chunks, peak, limit; /* chunks held now, at most, and allowed */
};
struct shared_heap_figures shared_heap_figures(struct shared_heap *heap);

/* Calls visit for every live object; returns how many.  The calling thread has the heap for itself;
 * visit may free the object it is called with. */
size_t shared_heap_walk(struct shared_heap *heap,
                        void (*visit)(void *context, void *object, size_t usable), void *context);

/* Of all shared heaps, but for those that others have just now: merges what was freed, releases
 * what is empty, and gives back pages without a live object.  Returns the bytes of these. */
size_t shared_heap_trim_all(void);

/* In the child of a fork.  False: there are no shared heaps. */
bool shared_heap_after_fork_in_child(void);

#endif
