/* Threads and their heaps, from the first malloc of a thread to its end and beyond.
 *
 *   no heap   a thread that has not allocated (it may free: that is remote): heap_origin.none
 *   active    from the first slow malloc on
 *   gone      after the last round of thread-specific destructors: what still allocates then is
 *             served from one heap that all such threads share under the registry lock
 *
 * The heap of a thread that ended is parked, its free slabs released.  A new thread takes a parked
 * heap as it is, in constant time; a running one that needs a slab adopts one from a parked heap;
 * and who frees into a parked heap merges the free itself.  Nothing is stranded with the dead. */
#ifndef CAIRN_CORE_THREADS_H
#define CAIRN_CORE_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/heap.h"

/* The distance of the calling thread's heap; 0, that of heap_origin.none, while it has none. */
extern __thread uintptr_t heap_distance __attribute__((tls_model("initial-exec")));

/* The rest of what a thread has of its own; all zero at its start.  Four bytes: with the above
 * and the two of trace/stack.c within the sixteen that a library which is loaded late may ask
 * for. */
struct thread_traits {
    uint16_t number;         /* given by threads_number(); 0: not yet */
    bool gone : 1;           /* its heap was parked for good: it is ending */
    uint8_t exit_rounds : 3; /* rounds of thread-specific destructors seen */
    bool holds_pointers : 1; /* of the allocation under way: kind_begin() of interceptor.h */
    uint8_t limit;           /* bits LIMIT_... of limit.h */
};
extern __thread struct thread_traits thread_traits __attribute__((tls_model("initial-exec")));

void threads_give_number(void);

/* The calling thread, which has no heap, is about to free something: a child of a fork does not
 * find it among the heaps that have lost their thread. */
void threads_note_without_heap(void);

/* A number of the calling thread, never 0, in the order in which threads first ask: few are the
 * same, and those of threads of about the same age are not.  For spreading threads over a few
 * places. */
static inline unsigned threads_number(void) {
    if (thread_traits.number == 0) {
        threads_give_number();
    }
    return thread_traits.number;
}

/* The distance of the calling thread's heap as slabs have it for their owner. */
static inline uintptr_t own_distance(void) { return heap_own_distance(heap_distance); }

/* What the calling thread's malloc comes from: its own heap, or a first-class one that it has for
 * itself. */
static inline struct heap *heap_self(void) { return heap_at(own_distance()); }

/* The calling thread's heap, made or found if it has none.  NULL: its life is over or there is
 * no memory for a heap; see threads_take_late(). */
struct heap *threads_attach(void);

/* The calling thread's own heap, also while its malloc comes from elsewhere; NULL: none yet, or
 * none any more. */
struct heap *threads_own_heap(void);

/* One object for a thread that can't have a heap.  NULL: no memory. */
void *threads_take_late(unsigned class, bool *zeroed);

/* A slab of `class` with free objects from a heap whose thread has ended, already `heap`'s and
 * queued there; NULL if there is none. */
struct chunk *threads_adopt_slab(struct heap *heap, unsigned class);

bool threads_is_parked(const struct heap *heap);

/* Merges remote frees into a heap that no thread will merge them into. */
void threads_drain_parked(struct heap *heap);

/* Flushes the calling thread's heap and all parked ones: what they hold without need goes to the
 * block allocator. */
void threads_flush(void);

/* The parked ones alone. */
void threads_flush_parked(void);

/* For first-class heaps (shared_heap.h): joins the list of all heaps for ever; is in use; has
 * ended, with nothing in it. */
void threads_add_heap(struct heap *heap);
void threads_revive(struct heap *heap);
void threads_retire(struct heap *heap);

/* What next(from) returns until it is NULL, slabs of a first-class heap whose queues are forgotten
 * then, becomes a parked heap's.  False: no memory, and next was not called. */
bool threads_take_in(struct chunk *(*next)(struct shared_heap *), struct shared_heap *from);

/* The spare chunks of all heaps, whosever, go to the block allocator. */
void threads_flush_spares(void);

/* With an interceptor from now on: the calling thread, and those to come, get closed heaps.  The
 * heaps that were theirs are retired: parked, but nobody takes over or adopts anything of them.
 * Threads that run already keep theirs. */
void threads_retire_heaps(void);

/* Registers the fork handlers; called once, by a constructor. */
void threads_start(void);

/* First of all heaps (linked by heap.next), for the checker, statistics and inspectors. */
struct heap *threads_first_heap(void);
extern _Atomic(struct heap *) all_heaps; /* what it returns, by address: for the anchor */

/* For the checker; registry lock held.  The parked heaps are linked by heap.next_parked. */
struct heap *threads_first_parked(void);
size_t threads_parked_count(void);
struct heap *threads_late_heap(void); /* NULL: none yet */

void threads_lock(void);
void threads_unlock(void);

#endif
