#include "core/heap_books.h"

#include "core/chunk_map.h"
#include "core/shared_heap.h"
#include "core/threads.h"
#include "core/walk.h"
#include "os/mutex.h"

static struct mutex lock = MUTEX(RANK_BOOKS);

/* relaxed here and below: written under the lock, read by whoever wants to know. */
static size_t read(const _Atomic(size_t) *number) {
    return atomic_load_explicit(number, memory_order_relaxed);
}

static void write(_Atomic(size_t) *number, size_t value) {
    atomic_store_explicit(number, value, memory_order_relaxed);
}

/* Lock held. */
static void add(struct books *books, size_t chunks) {
    size_t sum = read(&books->chunks) + chunks;
    write(&books->chunks, sum);
    if (sum > read(&books->peak)) {
        write(&books->peak, sum);
    }
}

bool books_admit(struct shared_heap *heap, size_t chunks) {
    struct books *books = &heap->books;
    mutex_lock(&lock);
    size_t limit = read(&books->limit);
    size_t held = read(&books->chunks);
    bool fits = limit == 0 || (held <= limit && chunks <= limit - held);
    if (fits) {
        add(books, chunks);
    }
    mutex_unlock(&lock);
    return fits;
}

void books_dismiss(struct shared_heap *heap, size_t chunks) {
    mutex_lock(&lock);
    write(&heap->books.chunks, read(&heap->books.chunks) - chunks);
    mutex_unlock(&lock);
}

/* Lock held. */
static void link_in(struct books *books, struct chunk *head) {
    struct chunk_shared *shared = shared_of(head);
    shared->next_held = books->held;
    shared->prev_held = NULL;
    if (books->held != NULL) {
        shared_of(books->held)->prev_held = head;
    }
    books->held = head;
}

/* Lock held. */
static void link_out(struct books *books, struct chunk *head) {
    struct chunk_shared *shared = shared_of(head);
    if (books->look == head) {
        books->look = shared->next_held;
    }
    *(shared->prev_held == NULL ? &books->held : &shared_of(shared->prev_held)->next_held) =
        shared->next_held;
    if (shared->next_held != NULL) {
        shared_of(shared->next_held)->prev_held = shared->prev_held;
    }
}

void books_enter(struct shared_heap *heap, struct chunk *head) {
    mutex_lock(&lock);
    link_in(&heap->books, head);
    mutex_unlock(&lock);
}

/* Lock held. */
static void remove_head(struct shared_heap *heap, struct chunk *head) {
    size_t chunks = 1;
    if (chunk_is(head, CHUNK_LARGE)) {
        chunks = head->large.chunks;
        atomic_store_explicit(&head->holder, NULL, memory_order_relaxed);
    }
    link_out(&heap->books, head);
    write(&heap->books.chunks, read(&heap->books.chunks) - chunks);
}

void books_remove(struct shared_heap *heap, struct chunk *slab) {
    mutex_lock(&lock);
    remove_head(heap, slab);
    mutex_unlock(&lock);
}

void books_remove_large(struct chunk *head) {
    mutex_lock(&lock);
    struct shared_heap *heap = atomic_load_explicit(&head->holder, memory_order_relaxed);
    if (heap != NULL) {
        remove_head(heap, head);
    }
    mutex_unlock(&lock);
}

struct chunk *books_first(struct shared_heap *heap) {
    mutex_lock(&lock);
    struct chunk *first = heap->books.held;
    mutex_unlock(&lock);
    return first;
}

struct chunk *books_let_go(struct shared_heap *heap) {
    mutex_lock(&lock);
    struct chunk *first = heap->books.held;
    if (first != NULL) {
        remove_head(heap, first);
    }
    mutex_unlock(&lock);
    return first;
}

void books_each(struct shared_heap *heap, void (*visit)(struct chunk *, void *), void *argument) {
    mutex_lock(&lock);
    for (struct chunk *head = heap->books.held; head != NULL; head = shared_of(head)->next_held) {
        visit(head, argument);
    }
    mutex_unlock(&lock);
}

void books_begin(struct shared_heap *heap) {
    mutex_lock(&lock);
    heap->books.look = heap->books.held;
    mutex_unlock(&lock);
}

bool books_next(struct shared_heap *heap, struct held *held) {
    mutex_lock(&lock);
    struct chunk *head = heap->books.look;
    if (head != NULL) {
        heap->books.look = shared_of(head)->next_held;
        *held = chunk_is(head, CHUNK_LARGE)
                    ? (struct held){.large = (void *)head->start, .bytes = large_usable(head)}
                    : (struct held){.slab = head};
    }
    mutex_unlock(&lock);
    return head != NULL;
}

/* --- fork ------------------------------------------------------------------------------------- */

static void enter_anew(struct chunk *head, void *unused) {
    (void)unused;
    struct shared_heap *heap = shared_heap_of(head);
    if (heap != NULL) {
        link_in(&heap->books, head);
        add(&heap->books, chunk_is(head, CHUNK_LARGE) ? head->large.chunks : 1);
    }
}

/* A thread that is gone may have been between any two steps, with the lock or without. */
void books_after_fork_in_child(void) {
    bool any = false;
    mutex_reset(&lock);
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (heap->shared != NULL) {
            heap->shared->books.held = NULL;
            heap->shared->books.look = NULL;
            write(&heap->shared->books.chunks, 0);
            any = true;
        }
    }
    if (any) {
        walk_slabs(enter_anew, NULL);
        walk_large(enter_anew, NULL);
    }
}
