/* Books: which chunks each first-class heap holds, against its limit, and in a list, so that all of
 * them are found when the heap is destroyed.
 *
 *   chunks = slabs held + chunks of the large objects held;  chunks <= limit, if there is one
 *
 * but for the moment between admission and entry.  Thread-safe (RANK_BOOKS, one lock for all heaps:
 * it is needed as often as the chunk lock is). */
#ifndef CAIRN_CORE_HEAP_BOOKS_H
#define CAIRN_CORE_HEAP_BOOKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/chunk.h"

struct books {
    struct chunk *held; /* heads of slabs and large objects, latest first; books lock */
    struct chunk *look; /* where a walk goes on; books lock */
    /* Chunks; written under the books lock. */
    _Atomic(size_t) chunks, peak;
    _Atomic(size_t) limit; /* 0: none */
};

/* Counts chunks that are about to be taken; false: they would exceed the limit. */
bool books_admit(struct shared_heap *heap, size_t chunks);

/* Chunks that were admitted were not to be had, or went back. */
void books_dismiss(struct shared_heap *heap, size_t chunks);

/* A slab or large object that was admitted is there. */
void books_enter(struct shared_heap *heap, struct chunk *head);

/* A slab is about to go. */
void books_remove(struct shared_heap *heap, struct chunk *slab);

/* The same of a large object, unless its heap has let it go just now. */
void books_remove_large(struct chunk *head);

/* The first of what is held; NULL: nothing.  books_let_go: which the heap holds no more. */
struct chunk *books_first(struct shared_heap *heap);
struct chunk *books_let_go(struct shared_heap *heap);

/* Calls visit for each of what is held; it must not take or give chunks. */
void books_each(struct shared_heap *heap, void (*visit)(struct chunk *head, void *argument),
                void *argument);

struct held {
    struct chunk *slab; /* NULL: it is a large object */
    void *large;        /* at this address */
    size_t bytes;       /* with so many that are usable */
};

/* For who goes through what is held without the lock, one at a time in each heap: begins with
 * books_begin(), then books_next() until that is false.  What comes meanwhile is left out.  A slab
 * stays while the caller has the heap for itself; a large object may be gone on return. */
void books_begin(struct shared_heap *heap);
bool books_next(struct shared_heap *heap, struct held *held);

/* In the child of a fork: the books are written anew from the descriptors, for all heaps. */
void books_after_fork_in_child(void);

#endif
