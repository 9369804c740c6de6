#include "core/large.h"

#include <string.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/interceptor.h"
#include "core/prefault.h"
#include "core/shared_heap.h"
#include "core/spare.h"
#include "core/threads.h"
#include "os/os.h"

/* Below it copying is as fast as moving page tables, and costs no mapping of its own. */
#define MOVE_MIN ((size_t)1 << 20)

/* Pages that were moved stay mappings of their own, of which the kernel allows a process 65,530 by
 * default.  So what holds such memory is counted, and with so many of them no more are moved. */
enum { PIECES_MAX = 400 };

static _Atomic(size_t) pieces;

/* The mappings that an object may add: those of its pages, and what is behind them. */
static size_t pieces_of(unsigned moves) { return moves == 0 ? 0 : moves + 1; }

/* relaxed: a measure for a limit. */
static void count_pieces(size_t more, size_t less) {
    (void)atomic_fetch_add_explicit(&pieces, more - less, memory_order_relaxed);
}

/* Its chunks are in the holder's books already. */
static struct chunk *make_head(uintptr_t address, size_t bytes, struct shared_heap *holder) {
    struct chunk *head = chunk_of(address);
    head->start = address;
    atomic_store_explicit(&head->holder, holder, memory_order_relaxed);
    large_set_usable(head, bytes);
    head->large.chunks = chunks_for(bytes);
    head->moves = 0;
    head->is_protected = false;
    head->lead = 0;
    head->slack = 0;
    chunk_set_kind(head, CHUNK_LARGE);
    /* release: who finds OWNER_LARGE finds the rest. */
    atomic_store_explicit(&head->owner, OWNER_LARGE, memory_order_release);
    if (unlikely(holder != NULL)) {
        books_enter(holder, head);
    }
    return head;
}

/* A chunk alone may be one that the thread's heap has at hand. */
static struct run take_chunks(size_t count, size_t alignment) {
    if (count == 1 && alignment <= CHUNK_SIZE && heap_distance != 0) {
        uintptr_t spare = spare_take(heap_self());
        if (spare != 0) {
            return (struct run){spare, 1};
        }
    }
    return chunks_take(count, alignment);
}

static void give_moved(uintptr_t address, size_t count, unsigned moves) {
    count_pieces(0, chunks_give_anew(address, count) ? pieces_of(moves) : 0);
}

static void give_chunks(uintptr_t address, size_t count, unsigned moves) {
    if (moves != 0) {
        give_moved(address, count, moves);
    } else if (count == 1 && heap_distance != 0) {
        spare_give(heap_self(), address);
    } else {
        chunks_give(address, count, true);
    }
}

static struct shared_heap *holder_of(const struct chunk *head) {
    return atomic_load_explicit(&head->holder, memory_order_relaxed);
}

static bool admit(struct shared_heap *holder, size_t chunks) {
    return likely(holder == NULL) || books_admit(holder, chunks);
}

static void dismiss(struct shared_heap *holder, size_t chunks) {
    if (unlikely(holder != NULL)) {
        books_dismiss(holder, chunks);
    }
}

void *large_allocate_in(struct shared_heap *holder, size_t size, size_t alignment, bool *zeroed) {
    size_t bytes = round_up(size, os_page_size());
    if (!admit(holder, chunks_for(bytes))) {
        return NULL;
    }
    struct run run = take_chunks(chunks_for(bytes), alignment);
    if (run.address == 0) {
        dismiss(holder, chunks_for(bytes));
        return NULL;
    }
    (void)make_head(run.address, bytes, holder);
    *zeroed = run.dirty == 0;
    /* With an interceptor it has guard pages, which are never resident. */
    if (likely(interceptor == NULL) && run.dirty < chunks_for(bytes)) {
        prefault_large(run.address, bytes);
    }
    chunks_watch();
    return (void *)run.address;
}

void *large_allocate(size_t size, size_t alignment, bool *zeroed) {
    return large_allocate_in(heap_self()->shared, size, alignment, zeroed);
}

static bool free_once(struct chunk *head) {
    uintptr_t expected = OWNER_LARGE;
    /* acq_rel: one thread wins, and what others wrote to the object comes before its next use. */
    if (!atomic_compare_exchange_strong_explicit(&head->owner, &expected, OWNER_NONE,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        return false;
    }
    uintptr_t start = head->start;
    size_t chunks = head->large.chunks;
    unsigned moves = head->moves;
    if (unlikely(holder_of(head) != NULL)) {
        books_remove_large(head);
    }
    prefault_note_leaving(start, chunks * CHUNK_SIZE);
    chunk_set_kind(head, CHUNK_RELEASED);
    give_chunks(start, chunks, moves);
    return true;
}

bool large_free(struct chunk *head) {
    struct shared_heap *holder = holder_of(head);
    if (likely(holder == NULL)) {
        return free_once(head);
    }
    /* If the heap ends, the object is freed with it; or is the process's by now. */
    bool is_alive = shared_heap_come(holder);
    bool freed = (!is_alive && holder_of(head) == holder) || free_once(head);
    shared_heap_leave(holder);
    return freed;
}

void large_discard(struct chunk *head) { (void)free_once(head); }

static bool extend(struct chunk *head, size_t have, size_t more, bool *zeroed) {
    if (!admit(holder_of(head), more)) {
        return false;
    }
    if (!chunks_extend(head->start + have * CHUNK_SIZE, more, zeroed)) {
        dismiss(holder_of(head), more);
        return false;
    }
    return true;
}

bool large_take_away(struct chunk *head) {
    uintptr_t expected = OWNER_LARGE;
    /* acq_rel: as in large_free(). */
    if (!atomic_compare_exchange_strong_explicit(&head->owner, &expected, OWNER_WAITS,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        return false;
    }
    prefault_note_leaving(head->start, head->large.chunks * CHUNK_SIZE);
    return true;
}

void large_give_back(struct chunk *head, bool dirty) {
    chunk_set_kind(head, CHUNK_RELEASED);
    atomic_store_explicit(&head->owner, OWNER_NONE, memory_order_release);
    if (head->moves != 0) {
        give_moved(head->start, head->large.chunks, head->moves);
    } else {
        chunks_give(head->start, head->large.chunks, dirty);
    }
}

void large_bring_back(struct chunk *head) {
    /* release: as in make_head(). */
    atomic_store_explicit(&head->owner, OWNER_LARGE, memory_order_release);
}

static bool grow_in_place(struct chunk *head, size_t bytes, size_t *zeroed_from) {
    size_t have = head->large.chunks;
    size_t want = chunks_for(bytes);
    bool zeroed = false;
    if (want > have && !extend(head, have, want - have, &zeroed)) {
        return false;
    }
    if (zeroed) {
        *zeroed_from = have * CHUNK_SIZE;
        if (likely(interceptor == NULL)) {
            prefault_growth(head->start + have * CHUNK_SIZE, (want - have) * CHUNK_SIZE,
                            have * CHUNK_SIZE);
        }
    }
    head->large.chunks = want;
    large_set_usable(head, bytes);
    chunks_watch();
    return true;
}

static void shrink_in_place(struct chunk *head, size_t bytes) {
    size_t have = head->large.chunks;
    size_t want = chunks_for(bytes);
    large_set_usable(head, bytes);
    head->large.chunks = want;
    dismiss(holder_of(head), have - want);
    if (want < have && head->moves != 0) {
        (void)chunks_give_anew(head->start + want * CHUNK_SIZE, have - want);
    } else if (want < have) {
        chunks_give(head->start + want * CHUNK_SIZE, have - want, true);
    }
}

static bool may_move(const struct chunk *head) {
    return large_usable(head) >= MOVE_MIN && head->moves < UINT8_MAX &&
           atomic_load_explicit(&pieces, memory_order_relaxed) <= PIECES_MAX;
}

/* Bytes are copied instead of pages being moved at most where they are this part of all memory in
 * use: for a while there are two of them. */
enum { COPY_SHARE = 4 };

/* Moving pages throws away what was resident where they go, and leaves as much behind that has to
 * be faulted in again; later it is a mapping of its own that is thrown away, too.  So bytes are
 * copied if there is resident memory for them, or the program will want back what they leave.
 * `to`: taken already, `count` chunks for the `have` of the object. */
static bool is_better_copied(size_t have, struct run to, size_t count) {
    size_t others = block_total(&block_totals.taken) - count;
    return to.dirty >= have || (have <= others / COPY_SHARE && chunks_swing_by(have));
}

/* Behind what an object had before it went to `run`. */
static void prefault_tail(struct run run, size_t have, size_t count) {
    if (run.dirty < count) {
        prefault_growth(run.address + have * CHUNK_SIZE, (count - have) * CHUNK_SIZE,
                        have * CHUNK_SIZE);
    }
}

static void *copy(struct chunk *head, struct run run, size_t bytes) {
    size_t have = head->large.chunks;
    if (run.dirty < have) {
        prefault_copy(run.address, large_usable(head));
    }
    memcpy((void *)run.address, (void *)head->start, large_usable(head));
    (void)make_head(run.address, bytes, holder_of(head));
    (void)large_free(head);
    prefault_tail(run, have, chunks_for(bytes));
    return (void *)run.address;
}

/* The pages move, the bytes stay where they are. */
static void *move(struct chunk *head, size_t bytes, size_t *zeroed_from) {
    struct shared_heap *holder = holder_of(head);
    uintptr_t old = head->start;
    size_t old_chunks = head->large.chunks;
    if (!admit(holder, chunks_for(bytes))) {
        return NULL;
    }
    struct run run = chunks_take_to_move(chunks_for(bytes), old, old_chunks);
    if (run.address == 0) {
        dismiss(holder, chunks_for(bytes));
        return NULL;
    }
    if (is_better_copied(old_chunks, run, chunks_for(bytes))) {
        return copy(head, run, bytes);
    }
    prefault_note_leaving(old, old_chunks * CHUNK_SIZE);
    /* Whole chunks, so that nothing of the old ones stays resident. */
    if (!os_move_pages((void *)old, (void *)run.address, old_chunks * CHUNK_SIZE)) {
        chunks_give(run.address, chunks_for(bytes), true); /* it may have come as a huge page */
        dismiss(holder, chunks_for(bytes));
        return NULL;
    }
    *zeroed_from = run.dirty == 0 ? old_chunks * CHUNK_SIZE : SIZE_MAX;
    prefault_tail(run, old_chunks, chunks_for(bytes));
    unsigned moves = head->moves;
    make_head(run.address, bytes, holder)->moves = (uint8_t)(moves + 1);
    if (unlikely(holder != NULL)) {
        books_remove_large(head);
    }
    count_pieces(pieces_of(moves + 1), 0);
    chunk_set_kind(head, CHUNK_RELEASED);
    atomic_store_explicit(&head->owner, OWNER_NONE, memory_order_release);
    if (moves == 0) {
        chunks_give(old, old_chunks, false);
    } else {
        give_moved(old, old_chunks, moves);
    }
    chunks_watch();
    return (void *)run.address;
}

bool large_move_pages(const struct chunk *from, struct chunk *to, size_t bytes) {
    void *source = (void *)large_address(from), *target = (void *)large_address(to);
    if (!may_move(from) || !os_move_pages(source, target, bytes)) {
        return false;
    }
    count_pieces(pieces_of(from->moves + 1u), pieces_of(to->moves));
    to->moves = (uint8_t)(from->moves + 1);
    return true;
}

bool large_resize_in_place(struct chunk *head, size_t size, size_t *zeroed_from) {
    size_t bytes = round_up(size, os_page_size());
    *zeroed_from = SIZE_MAX;
    if (bytes <= large_usable(head)) {
        shrink_in_place(head, bytes);
        return true;
    }
    return grow_in_place(head, bytes, zeroed_from);
}

void *large_resize(struct chunk *head, size_t size, size_t *zeroed_from) {
    if (large_resize_in_place(head, size, zeroed_from)) {
        return (void *)head->start;
    }
    return may_move(head) ? move(head, round_up(size, os_page_size()), zeroed_from) : NULL;
}
