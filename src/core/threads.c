#include "core/threads.h"

#include <string.h>

#include "base/check.h"
#include "core/block.h"
#include "core/interceptor.h"
#include "core/metadata.h"
#include "core/reclaim.h"
#include "core/region.h"
#include "core/remote.h"
#include "core/sampling.h"
#include "core/shared_heap.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/walk.h"
#include "os/mutex.h"
#include "os/os.h"

/* In this order, or padding would come between; gcc turns it round otherwise. */
#if defined(__GNUC__) && !defined(__clang__)
#define IN_ORDER __attribute__((no_reorder))
#else
#define IN_ORDER
#endif
IN_ORDER __thread uintptr_t heap_distance __attribute__((tls_model("initial-exec")));
IN_ORDER __thread struct thread_traits thread_traits __attribute__((tls_model("initial-exec")));

static struct mutex lock = MUTEX(RANK_THREADS);
_Atomic(struct heap *) all_heaps;
static struct heap *parked; /* under the lock */
static _Atomic(size_t)
    parked_count;              /* written under the lock; a hint to those who read it without */
static _Atomic(bool) any_lost; /* some heap is HEAP_LOST */
static _Atomic(bool) any_without_heap; /* some thread has freed without having a heap */
static struct heap *first_heap;        /* under the lock; the first one made */
static struct heap *late_heap;         /* under the lock; parked for ever, in no list */

/* Rounds of destructors of thread-specific data.  Nearly all destructors run in the first, so the
 * heap is parked in the second.  Others may allocate in all of them, so a thread that gets a heap
 * after that parks it in the round after; and only in the last one it is said to be gone.  (Which
 * round it is nobody tells: a thread that first allocates in a destructor comes here one round
 * late or two.  It must not wait for a last one that never comes.) */
enum { EXIT_PARKS = 2 };
#ifdef __SANITIZE_THREAD__
enum { EXIT_ROUNDS = 3 }; /* the sanitizer's own view of the thread ends in the fourth */
#else
enum { EXIT_ROUNDS = 4 };
#endif

/* A parked heap that has nothing of a class is skipped; how many are looked at. */
enum { ADOPTION_TRIES = 8 };

void threads_lock(void) { mutex_lock(&lock); }
void threads_unlock(void) { mutex_unlock(&lock); }

struct heap *threads_first_heap(void) {
    return atomic_load_explicit(&all_heaps, memory_order_acquire);
}

/* Lock held. */
static void add_heap(struct heap *heap) {
    heap->next = atomic_load_explicit(&all_heaps, memory_order_relaxed);
    /* release: who walks the list finds an initialised heap. */
    atomic_store_explicit(&all_heaps, heap, memory_order_release);
}

static struct heap *heap_new(void) {
    size_t more = interceptor != NULL ? interceptor->heap_bytes : 0;
    size_t bytes = more != 0 ? sizeof(struct heap) + more : OPEN_HEAP_BYTES;
    struct heap *heap = metadata_take((bytes + CACHE_LINE - 1) / CACHE_LINE);
    if (heap != NULL) {
        if (more != 0) {
            memset(heap, 0, sizeof *heap + more); /* it may have been notes: see slab.c */
        }
        heap_start(heap);
        if (more != 0) {
            heap_close(heap, heap + 1);
        }
        first_heap = first_heap == NULL ? heap : first_heap;
        add_heap(heap);
    }
    return heap;
}

static void set_state(struct heap *heap, enum heap_state state) {
    /* seq_cst: see threads_drain_parked(). */
    atomic_store_explicit(&heap->state, (uint32_t)state, memory_order_seq_cst);
}

static enum heap_state state_of(const struct heap *heap) {
    return (enum heap_state)atomic_load_explicit(&heap->state, memory_order_seq_cst);
}

static void count_parked(size_t by) {
    size_t count = atomic_load_explicit(&parked_count, memory_order_relaxed);
    atomic_store_explicit(&parked_count, count + by, memory_order_relaxed);
}

static void park(struct heap *heap) {
    heap_flush(heap);
    if ((heap->guard != NULL) == (interceptor != NULL)) {
        heap->next_parked = parked;
        parked = heap;
        count_parked(1);
    } else {
        heap->retired = true;
    }
    set_state(heap, HEAP_PARKED);
    heap_drain(heap); /* what was pushed before the state was seen */
}

static struct heap *unpark(void) {
    struct heap *heap = parked;
    if (heap != NULL) {
        parked = heap->next_parked;
        count_parked((size_t)-1);
    }
    return heap;
}

/* In the child of a fork: the heaps of threads that are not there any more become parked ones. */
static void reclaim_lost(void) {
    if (!atomic_load_explicit(&any_lost, memory_order_relaxed)) {
        return;
    }
    atomic_store_explicit(&any_lost, false, memory_order_relaxed);
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (state_of(heap) == HEAP_LOST && heap->shared == NULL) {
            reclaim_lock(); /* nobody is to condemn a slab that is rebuilt */
            heap_rebuild(heap);
            reclaim_unlock();
            park(heap);
        }
    }
}

/* --- a thread's life -------------------------------------------------------------------------- */

/* What thread_ends() is called with in the rounds after the heap was parked. */
static char no_heap;

/* The thread may get another one, or the same. */
static void leave_heap(struct heap *heap) {
    if (heap->guard != NULL) {
        interceptor->heap_ends(heap);
    }
    heap_distance = 0;
    if (heap->retired) {
        return;
    }
    spare_note_heaps(-1);
    if (unlikely(heap->leased != NULL)) { /* its code is not in memory as a rule */
        shared_heap_end_leases(heap);
    }
    threads_lock();
    park(heap);
    threads_unlock();
}

static void thread_ends(void *argument) {
    unsigned round = thread_traits.exit_rounds + 1u;
    thread_traits.exit_rounds = round & 7;
    if (round < EXIT_PARKS && os_on_thread_exit(thread_ends, argument)) {
        return;
    }
    if (argument != &no_heap) {
        leave_heap(argument);
    }
    thread_traits.gone = round >= EXIT_ROUNDS || !os_on_thread_exit(thread_ends, &no_heap);
}

/* A resolver of an indirect function may allocate before the C library fills in the first
 * thread's thread-local memory, which then forgets the heap: here it is found again.  Only the
 * first heap can be so. */
static struct heap *early_heap_of(uint32_t thread) {
    return first_heap != NULL && first_heap->thread == thread && state_of(first_heap) == HEAP_ACTIVE
               ? first_heap
               : NULL;
}

struct heap *threads_attach(void) {
    if (heap_distance != 0) {
        return heap_self();
    }
    if (thread_traits.gone) {
        return NULL;
    }
    threads_lock();
    reclaim_lost();
    uint32_t thread = os_thread_id();
    struct heap *heap = early_heap_of(thread);
    if (heap == NULL) {
        heap = unpark();
    }
    if (heap == NULL) {
        heap = heap_new();
    }
    if (heap != NULL) {
        heap->thread = thread;
        set_state(heap, HEAP_ACTIVE);
    }
    threads_unlock();
    if (heap != NULL) {
        spare_note_heaps(1);
        heap_distance = heap_distance_of(heap) + (heap->guard != NULL ? CLOSED_OFFSET : 0);
        if (heap->guard != NULL) {
            interceptor->heap_begins(heap);
        }
        /* May allocate, which the heap serves by now.  If refused, the heap stays active after
         * the thread's end: its memory is lost, nothing else. */
        (void)os_on_thread_exit(thread_ends, heap);
    }
    return heap;
}

struct heap *threads_own_heap(void) {
    struct heap *heap = heap_self();
    if (unlikely(heap->shared != NULL)) {
        return heap->shared->lessee;
    }
    return heap_distance != 0 ? heap : NULL;
}

void *threads_take_late(unsigned class, bool *zeroed) {
    void *object = NULL;
    threads_lock();
    if (late_heap == NULL) {
        late_heap = heap_new();
        if (late_heap != NULL) {
            set_state(late_heap, HEAP_PARKED);
        }
    }
    if (late_heap != NULL) {
        object = heap_take_slow(late_heap, class, false, zeroed);
    }
    threads_unlock();
    return object;
}

/* relaxed: what the thread does next is a release, so that a fork that finds that finds this, too.
 * Written once, so that threads that free do not take the line from each other. */
void threads_note_without_heap(void) {
    if (!atomic_load_explicit(&any_without_heap, memory_order_relaxed)) {
        atomic_store_explicit(&any_without_heap, true, memory_order_relaxed);
    }
}

/* relaxed: only the number itself matters. */
void threads_give_number(void) {
    static _Atomic(uint16_t) last;
    while (thread_traits.number == 0) {
        thread_traits.number =
            (uint16_t)(atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1);
    }
}

/* --- heaps without a thread ------------------------------------------------------------------- */

struct chunk *threads_adopt_slab(struct heap *heap, unsigned class) {
    /* relaxed: a hint; who misses a heap that is being parked takes a new slab. */
    if (atomic_load_explicit(&parked_count, memory_order_relaxed) == 0 &&
        !atomic_load_explicit(&any_lost, memory_order_relaxed)) {
        return NULL;
    }
    struct chunk *slab = NULL;
    threads_lock();
    reclaim_lost();
    struct heap *donor = parked;
    for (int i = 0; i < ADOPTION_TRIES && donor != NULL && slab == NULL; i++) {
        heap_drain(donor);
        slab = heap_give_up_slab(donor, class);
        donor = donor->next_parked;
    }
    if (slab != NULL) {
        heap_adopt_slab(heap, slab);
    }
    threads_unlock();
    return slab;
}

bool threads_is_parked(const struct heap *heap) { return state_of(heap) == HEAP_PARKED; }

/* Either the freeing thread, having pushed, sees that the heap is parked and drains it here; or
 * it does not, and then the parking thread, having said so, sees the push when it drains.  Both
 * sides are seq_cst: store or push first, look second. */
void threads_drain_parked(struct heap *heap) {
    threads_lock();
    if (state_of(heap) == HEAP_PARKED) {
        heap_drain(heap);
    }
    threads_unlock();
}

/* --- first-class heaps ------------------------------------------------------------------------ */

void threads_add_heap(struct heap *heap) {
    threads_lock();
    add_heap(heap);
    threads_unlock();
}

void threads_revive(struct heap *heap) {
    threads_lock();
    set_state(heap, HEAP_SHARED);
    threads_unlock();
}

/* In this order as in park(): what is pushed later is drained by who pushes it. */
void threads_retire(struct heap *heap) {
    threads_lock();
    set_state(heap, HEAP_PARKED);
    heap_drain(heap);
    threads_unlock();
}

bool threads_take_in(struct chunk *(*next)(struct shared_heap *), struct shared_heap *from) {
    threads_lock();
    reclaim_lost();
    if (parked == NULL) {
        struct heap *heap = heap_new();
        if (heap != NULL) {
            park(heap);
        }
    }
    struct heap *heap = parked;
    if (heap != NULL) {
        for (struct chunk *slab; (slab = next(from)) != NULL;) {
            heap_adopt_slab(heap, slab);
        }
        heap_flush(heap);
    }
    threads_unlock();
    return heap != NULL;
}

void threads_flush_parked(void) {
    threads_lock();
    reclaim_lost();
    for (struct heap *heap = parked; heap != NULL; heap = heap->next_parked) {
        heap_flush(heap);
    }
    if (late_heap != NULL) {
        heap_flush(late_heap);
    }
    threads_unlock();
}

void threads_flush(void) {
    if (heap_distance != 0) {
        heap_flush(heap_self());
    }
    threads_flush_parked();
}

void threads_flush_spares(void) {
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        spare_flush(heap);
    }
}

static void retire(struct heap *heap) {
    heap->retired = true;
    set_state(heap, HEAP_PARKED);
    heap_drain(heap);
}

void threads_retire_heaps(void) {
    threads_lock();
    reclaim_lost();
    for (struct heap *heap = parked; heap != NULL; heap = heap->next_parked) {
        heap->retired = true;
    }
    parked = NULL;
    count_parked(0 - atomic_load_explicit(&parked_count, memory_order_relaxed));
    if (late_heap != NULL) {
        retire(late_heap);
        late_heap = NULL;
    }
    if (heap_distance != 0) {
        struct heap *heap = heap_self();
        heap_flush(heap);
        heap_distance = 0;
        spare_note_heaps(-1);
        retire(heap);
    }
    threads_unlock();
}

/* --- fork ------------------------------------------------------------------------------------- */

static void before_fork(void) {
    threads_lock();
    reclaim_wait_for_reapers();
    reclaim_lock();
    chunks_lock_for_fork();
    metadata_lock();
    sampling_before_fork();
}

static void after_fork_in_parent(void) {
    sampling_after_fork(false);
    metadata_unlock();
    chunks_unlock();
    reclaim_unlock();
    threads_unlock();
}

/* What a thread that is gone had claimed and not released yet goes to the list *claimed instead. */
static void notify_anew(struct chunk *slab, void *claimed) {
    struct chunk **list = claimed;
    if (chunk_owner(slab) == OWNER_EMPTIED) {
        (void)remote_take_summary(slab);
        shared_of(slab)->next = *list;
        *list = slab;
    } else {
        remote_notify_anew(slab);
    }
}

static void release_claimed(struct chunk *slab) {
    while (slab != NULL) {
        struct chunk *next = shared_of(slab)->next;
        reclaim_settle(slab);
        slab_release(NULL, slab);
        slab = next;
    }
}

static void after_fork_in_child(void) {
    metadata_reset_lock();
    chunks_reset_lock();
    reclaim_reset_lock();
    mutex_reset(&lock);
    sampling_after_fork(true);
    regions_note_fork();
    struct heap *own = threads_own_heap();
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (heap != own) {
            atomic_store_explicit(&heap->draining, false, memory_order_relaxed);
        }
        if (heap != own && state_of(heap) == HEAP_ACTIVE) {
            set_state(heap, HEAP_LOST);
            spare_note_heaps(-1);
            atomic_store_explicit(&any_lost, true, memory_order_relaxed);
        }
    }
    if (own != NULL) {
        own->thread = os_thread_id();
    }
    bool any_shared = shared_heap_after_fork_in_child();
    bool any_freed = atomic_exchange_explicit(&any_without_heap, false, memory_order_relaxed);
    if (any_shared || any_freed || atomic_load_explicit(&any_lost, memory_order_relaxed)) {
        /* A thread that is gone may have been in the middle of a remote free, of whosever
         * object. */
        for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
            atomic_store_explicit(&heap->notified, NULL, memory_order_relaxed);
        }
        struct chunk *claimed = NULL;
        walk_slabs(notify_anew, &claimed);
        release_claimed(claimed);
    }
}

void threads_start(void) { os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child); }

/* --- for the checker -------------------------------------------------------------------------- */

struct heap *threads_first_parked(void) {
    return parked;
}
size_t threads_parked_count(void) {
    return atomic_load_explicit(&parked_count, memory_order_relaxed);
}
struct heap *threads_late_heap(void) {
    return late_heap;
}
