#include "core/shared_heap.h"

#include <string.h>

#include "base/bits.h"
#include "core/allocate.h"
#include "core/chunk_map.h"
#include "core/holes.h"
#include "core/large.h"
#include "core/limit.h"
#include "core/metadata.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/trim.h"
#include "os/os.h"

static struct mutex retired_lock = MUTEX(RANK_BOOKS);
static struct shared_heap *retired; /* under the lock */

/* --- lock and lease --------------------------------------------------------------------------- */

/* Lock held.  In the child of a fork: as the threads that are gone have left it. */
static void repair(struct shared_heap *heap) {
    /* relaxed: set before there was another thread. */
    _Atomic(uint32_t) *state = &heap->heap.state;
    if (unlikely(atomic_load_explicit(state, memory_order_relaxed) == HEAP_LOST)) {
        heap_rebuild(&heap->heap);
        atomic_store_explicit(state, HEAP_SHARED, memory_order_seq_cst);
    }
}

/* Lock held.  What the calling thread has for itself is its own with the lock as without. */
static bool is_open(const struct shared_heap *heap) {
    return heap->lessee == NULL || heap->lessee == threads_own_heap();
}

/* Lock held.  One is woken at a lease's end, and wakes the next. */
static void wake(struct shared_heap *heap) {
    if (unlikely(heap->waiting != 0)) {
        os_wake_one(&heap->leased);
    }
}

static void lock(struct shared_heap *heap) {
    latch_lock(&heap->lock);
    if (unlikely(!is_open(heap))) {
        heap->waiting++;
        do {
            latch_unlock(&heap->lock);
            os_wait(&heap->leased, 1);
            latch_lock(&heap->lock);
        } while (!is_open(heap));
        heap->waiting--;
        wake(heap);
    }
    repair(heap);
}

static bool try_lock(struct shared_heap *heap) {
    if (!latch_try_lock(&heap->lock)) {
        return false;
    }
    if (!is_open(heap)) {
        latch_unlock(&heap->lock);
        return false;
    }
    repair(heap);
    return true;
}

static void unlock(struct shared_heap *heap) { latch_unlock(&heap->lock); }

bool shared_heap_lease(struct shared_heap *heap) {
    if (threads_attach() == NULL) {
        return false;
    }
    struct heap *own = threads_own_heap();
    lock(heap);
    if (heap->leases++ == 0) {
        heap->lessee = own;
        heap->next_leased = own->leased;
        own->leased = heap;
        atomic_store_explicit(&heap->leased, 1, memory_order_relaxed);
    }
    unlock(heap);
    return true;
}

/* Lock held. */
static void give_up(struct shared_heap *heap) {
    spare_flush(&heap->heap);
    heap->lessee = NULL;
    heap->leases = 0;
    /* relaxed: who waits looks again under the lock. */
    atomic_store_explicit(&heap->leased, 0, memory_order_relaxed);
    wake(heap);
}

void shared_heap_end_lease(struct shared_heap *heap) {
    latch_lock(&heap->lock);
    if (--heap->leases == 0) {
        struct shared_heap **link = &heap->lessee->leased;
        while (*link != heap) {
            link = &(*link)->next_leased;
        }
        *link = heap->next_leased;
        give_up(heap);
    }
    unlock(heap);
}

bool shared_heap_is_leased(const struct shared_heap *heap) {
    const struct heap *own = threads_own_heap();
    const struct shared_heap *leased = own == NULL ? NULL : own->leased;
    while (leased != NULL && leased != heap) {
        leased = leased->next_leased;
    }
    return leased != NULL;
}

void shared_heap_end_leases(struct heap *own) {
    for (struct shared_heap *heap; (heap = own->leased) != NULL;) {
        own->leased = heap->next_leased;
        latch_lock(&heap->lock);
        give_up(heap);
        unlock(heap);
    }
}

static bool is_alive(const struct shared_heap *heap) {
    return atomic_load_explicit(&heap->life, memory_order_seq_cst) == SHARED_HEAP_ALIVE;
}

/* What it holds without need, unless others have it just now.  Returns the bytes given back inside
 * its slabs. */
static size_t flush(struct shared_heap *heap) {
    size_t bytes = 0;
    if (try_lock(heap)) {
        heap_flush(&heap->heap);
        bytes = trim_heap(&heap->heap);
        unlock(heap);
    }
    return bytes;
}

/* --- allocating ------------------------------------------------------------------------------- */

struct request {
    struct shared_heap *heap;
    size_t size, alignment;
    bool *zeroed;
};

static void *take_small_from(struct shared_heap *heap, unsigned class, bool *zeroed) {
    lock(heap);
    void *object = is_alive(heap) ? heap_take_slow(&heap->heap, class, false, zeroed) : NULL;
    if (unlikely(object == NULL) && is_alive(heap)) {
        heap_flush(&heap->heap); /* slabs of other classes may be empty */
        object = heap_take_slow(&heap->heap, class, false, zeroed);
    }
    unlock(heap);
    return object;
}

static void *take_large_from(struct shared_heap *heap, size_t size, size_t alignment,
                             bool *zeroed) {
    void *object = NULL;
    if (shared_heap_come(heap)) {
        object = large_allocate_in(heap, size, alignment, zeroed);
    }
    shared_heap_leave(heap);
    if (object != NULL) {
        large_requests_note(size);
    }
    return object;
}

static void *take(void *argument) {
    const struct request *request = argument;
    unsigned class = request->size <= SLAB_MAX && request->alignment <= SLAB_MAX
                         ? aligned_class_of(request->alignment, request->size)
                         : CLASS_COUNT;
    if (class < CLASS_COUNT) {
        return take_small_from(request->heap, class, request->zeroed);
    }
    size_t size = request->size == 0 ? 1 : request->size;
    size_t alignment = request->alignment < CHUNK_SIZE ? CHUNK_SIZE : request->alignment;
    void *object = take_large_from(request->heap, size, alignment, request->zeroed);
    if (object == NULL) {
        (void)flush(request->heap);
        object = take_large_from(request->heap, size, alignment, request->zeroed);
    }
    return object;
}

/* What take() does if nothing is in the way: the lock is free at once and the bin has an object.
 * NULL: something is. */
static void *take_at_once(struct shared_heap *heap, size_t size, bool *zeroed) {
    if (!try_lock(heap)) {
        return NULL;
    }
    struct bin *bin = heap_bin(&heap->heap, size);
    uint64_t avail = owner_word_read(bin->avail);
    void *object = NULL;
    if (likely(avail != 0 && is_alive(heap))) {
        *zeroed = bin->zeroed != 0;
        object = bin_take(bin, avail);
    }
    unlock(heap);
    return object;
}

static SLOW_PATH void *allocate_slowly(struct shared_heap *heap, size_t size, size_t alignment,
                                       bool *zeroed) {
    if (size > REQUEST_MAX || alignment > ALIGNMENT_MAX) {
        return NULL;
    }
    struct request request = {heap, size, alignment, zeroed};
    limit_note_refusal(false); /* its own limit may be what refuses */
    void *object = take(&request);
    return likely(object != NULL) ? object : limit_insist(take, &request, size);
}

void *shared_heap_allocate(struct shared_heap *heap, size_t size, size_t alignment, bool *zeroed) {
    void *object = NULL;
    if (likely(size <= SLAB_MAX && alignment <= GRANULE)) {
        object = take_at_once(heap, size, zeroed);
    }
    return likely(object != NULL) ? object : allocate_slowly(heap, size, alignment, zeroed);
}

/* --- freeing ---------------------------------------------------------------------------------- */

bool shared_heap_come(struct shared_heap *heap) {
    (void)atomic_fetch_add_explicit(&heap->in_flight, 1, memory_order_seq_cst);
    return is_alive(heap);
}

void shared_heap_leave(struct shared_heap *heap) {
    if (atomic_fetch_sub_explicit(&heap->in_flight, 1, memory_order_seq_cst) == 1 &&
        unlikely(!is_alive(heap))) {
        os_wake_one(&heap->in_flight);
    }
}

/* Lock held. */
static bool free_locally(struct heap *heap, struct chunk *slab, uint64_t index) {
    /* Freed without the lock, and not merged yet. */
    if (unlikely((slab_unmerged_bits(slab, (unsigned)(index / 64)) >> index % 64 & 1) != 0)) {
        return false;
    }
    return heap_free(heap, slab, index);
}

static bool is_still(const struct chunk *slab, uintptr_t owner) {
    return chunk_is(slab, CHUNK_SLAB) && owner_heap(chunk_owner(slab)) == owner_heap(owner);
}

/* Lock held, or counted in. */
static enum shared_freed free_if_alive(struct shared_heap *heap, struct chunk *slab,
                                       uintptr_t owner, uintptr_t address, bool is_locked) {
    /* In this order: a heap that was dissolved has no slab any more once it does not live. */
    bool alive = is_alive(heap);
    if (!is_still(slab, owner)) {
        return SHARED_MOVED;
    }
    if (!alive) {
        return SHARED_FREED;
    }
    bool exact;
    uint64_t index = object_index(slab, address, &exact);
    bool freed = exact && index < slab->capacity &&
                 (is_locked ? free_locally(&heap->heap, slab, index) : remote_free(slab, index));
    return freed ? SHARED_FREED : SHARED_FREED_NOT;
}

enum shared_freed shared_heap_free(struct chunk *slab, uintptr_t owner, uintptr_t address) {
    struct shared_heap *heap = shared_heap_of_owner(owner);
    enum shared_freed freed;
    if (try_lock(heap)) {
        freed = free_if_alive(heap, slab, owner, address, true);
        unlock(heap);
        return freed;
    }
    (void)shared_heap_come(heap);
    freed = free_if_alive(heap, slab, owner, address, false);
    shared_heap_leave(heap);
    return freed;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static struct shared_heap *take_retired(void) {
    mutex_lock(&retired_lock);
    struct shared_heap *heap = retired;
    if (heap != NULL) {
        retired = heap->next_retired;
    }
    mutex_unlock(&retired_lock);
    return heap;
}

static struct shared_heap *make(void) {
    struct shared_heap *heap = metadata_take((sizeof *heap + CACHE_LINE - 1) / CACHE_LINE);
    if (heap != NULL) {
        memset(heap, 0, sizeof *heap); /* it may have been notes: see slab.c */
        heap->lock = (struct latch)LATCH(RANK_HEAP);
        heap->heap.shared = heap;
        heap_start(&heap->heap);
        threads_add_heap(&heap->heap);
    }
    return heap;
}

struct shared_heap *shared_heap_create(size_t limit_chunks) {
    struct shared_heap *heap = take_retired();
    if (heap == NULL) {
        heap = make();
    }
    if (heap != NULL) {
        /* relaxed: nobody else knows the heap. */
        atomic_store_explicit(&heap->books.peak, 0, memory_order_relaxed);
        atomic_store_explicit(&heap->books.limit, limit_chunks, memory_order_relaxed);
        threads_revive(&heap->heap);
        atomic_store_explicit(&heap->life, SHARED_HEAP_ALIVE, memory_order_seq_cst);
    }
    return heap;
}

static void end(struct shared_heap *heap) {
    lock(heap);
    atomic_store_explicit(&heap->life, SHARED_HEAP_ENDING, memory_order_seq_cst);
    unlock(heap);
}

static void wait_for_frees(struct shared_heap *heap) {
    uint32_t count;
    while ((count = atomic_load_explicit(&heap->in_flight, memory_order_seq_cst)) != 0) {
        os_wait(&heap->in_flight, count);
    }
}

/* Nothing is held any more. */
static void retire(struct shared_heap *heap) {
    heap_start(&heap->heap);
    spare_flush(&heap->heap);
    unlock(heap);
    threads_retire(&heap->heap);
    atomic_store_explicit(&heap->life, SHARED_HEAP_RETIRED, memory_order_seq_cst);
    mutex_lock(&retired_lock);
    heap->next_retired = retired;
    retired = heap;
    mutex_unlock(&retired_lock);
}

/* Whatever is live in it. */
static void discard_slab(struct heap *heap, struct chunk *slab) {
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        owner_word_write(&slab->words[w].freed, ~UINT64_C(0));
        owner_word_write(&slab->words[w].avail, 0);
    }
    if (slab_has_holes(slab)) {
        holes_forget(heap, slab);
    }
    slab_release(heap, slab);
}

void shared_heap_destroy(struct shared_heap *heap) {
    end(heap);
    wait_for_frees(heap);
    lock(heap);
    heap_flush(&heap->heap);
    for (struct chunk *head; (head = books_first(heap)) != NULL;) {
        if (chunk_is(head, CHUNK_LARGE)) {
            large_discard(head);
        } else {
            discard_slab(&heap->heap, head);
        }
    }
    retire(heap);
}

/* Large objects are the process's once they are in no books.  (Who frees one just now has taken it
 * out, or finds it so.) */
static struct chunk *let_go_slab(struct shared_heap *heap) {
    uintptr_t distance = heap_distance_of(&heap->heap);
    struct chunk *head = books_let_go(heap);
    while (head != NULL && owner_heap(chunk_owner(head)) != distance) {
        head = books_let_go(heap);
    }
    return head;
}

bool shared_heap_dissolve(struct shared_heap *heap) {
    lock(heap);
    heap_flush(&heap->heap);
    if (!threads_take_in(let_go_slab, heap)) {
        unlock(heap);
        return false;
    }
    atomic_store_explicit(&heap->life, SHARED_HEAP_ENDING, memory_order_seq_cst);
    retire(heap);
    return true;
}

/* --- looking, giving back --------------------------------------------------------------------- */

static void add_up(struct chunk *head, void *argument) {
    struct shared_heap_figures *figures = argument;
    if (chunk_is(head, CHUNK_LARGE)) {
        figures->large++;
        figures->objects++;
        figures->bytes += large_usable(head);
        return;
    }
    size_t live = 0;
    for (unsigned w = 0; w < slab_class(head)->words; w++) {
        live += count_bits(slab_live_bits(head, w));
    }
    figures->slabs++;
    figures->objects += live;
    figures->bytes += live * slab_class(head)->size;
}

struct shared_heap_figures shared_heap_figures(struct shared_heap *heap) {
    struct shared_heap_figures figures = {
        .chunks = atomic_load_explicit(&heap->books.chunks, memory_order_relaxed),
        .peak = atomic_load_explicit(&heap->books.peak, memory_order_relaxed),
        .limit = atomic_load_explicit(&heap->books.limit, memory_order_relaxed)};
    books_each(heap, add_up, &figures);
    return figures;
}

enum { WORDS_MOST = CHUNK_SIZE / GRANULE / 64 };

/* With a copy of its bits: the slab is released with the last object that the visits free. */
static size_t walk_slab(struct chunk *slab,
                        void (*visit)(void *context, void *object, size_t usable), void *context) {
    const struct size_class *size_class = slab_class(slab);
    uintptr_t start = slab->start;
    uint64_t live[WORDS_MOST] = {0};
    for (unsigned w = 0; w < size_class->words; w++) {
        live[w] = slab_live_bits(slab, w);
    }
    size_t count = 0;
    for (unsigned w = 0; w < size_class->words; w++) {
        for (uint64_t rest = live[w]; rest != 0; rest &= rest - 1) {
            size_t index = w * 64 + lowest_bit(rest);
            visit(context, (void *)(start + index * size_class->size), size_class->size);
            count++;
        }
    }
    return count;
}

size_t shared_heap_walk(struct shared_heap *heap,
                        void (*visit)(void *context, void *object, size_t usable), void *context) {
    size_t count = 0;
    books_begin(heap);
    for (struct held held; books_next(heap, &held);) {
        if (held.slab != NULL) {
            count += walk_slab(held.slab, visit, context);
        } else {
            visit(context, held.large, held.bytes);
            count++;
        }
    }
    return count;
}

size_t shared_heap_trim_all(void) {
    size_t bytes = 0;
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        bytes += heap->shared != NULL ? flush(heap->shared) : 0;
    }
    return bytes;
}

/* --- fork ------------------------------------------------------------------------------------- */

static void reset(struct shared_heap *heap) {
    bool was_locked = atomic_load_explicit(&heap->lock.mutex.state, memory_order_relaxed) != 0;
    latch_reset(&heap->lock);
    atomic_store_explicit(&heap->in_flight, 0, memory_order_relaxed);
    heap->waiting = 0;
    bool is_mine = heap->lessee != NULL && heap->lessee == threads_own_heap();
    if (is_mine) {
        return; /* whoever had the lock only looked who has the heap */
    }
    uint32_t state = atomic_load_explicit(&heap->heap.state, memory_order_relaxed);
    if (state == HEAP_SHARED && (was_locked || heap->lessee != NULL)) {
        atomic_store_explicit(&heap->heap.state, HEAP_LOST, memory_order_relaxed);
    }
    heap->lessee = NULL;
    heap->leases = 0;
    atomic_store_explicit(&heap->leased, 0, memory_order_relaxed);
}

bool shared_heap_after_fork_in_child(void) {
    bool any = false;
    mutex_reset(&retired_lock);
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (heap->shared != NULL) {
            reset(heap->shared);
            any = true;
        }
    }
    if (any) {
        books_after_fork_in_child();
    }
    return any;
}
