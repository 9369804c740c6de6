/* Giving back all that can go, on request. */
#ifndef CAIRN_CORE_TRIM_H
#define CAIRN_CORE_TRIM_H

#include <stddef.h>

#include "core/heap.h"

/* Gives to the kernel: all free chunks, also those that empty slabs of the calling thread and of
 * threads that have ended give up; and the pages inside their other slabs on which no object is
 * live; and the spare chunks of all threads.  Slabs of other running threads are theirs alone.
 * Returns the bytes that were resident and went, also those that other threads gave back meanwhile:
 * 0 exactly if none did.  Thread-safe. */
size_t trim(void);

/* The same as far as no running thread has a use for it: without the calling thread's heap and
 * without hooks. */
size_t trim_unused(void);

/* The pages without a live object in the slabs of a flushed heap; for who may touch it.  Returns
 * the bytes. */
size_t trim_heap(const struct heap *heap);

/* Whoever holds memory of the heap that it could do without: trim() calls `release` first, on the
 * thread that trims, no lock held, so that what is freed there goes to the kernel with the rest.
 * A hook must live as long as the process; it is added once and never removed.  `release` may
 * allocate and free, but must not call trim(). */
struct trim_hook {
    void (*release)(void);
    struct trim_hook *next; /* written by trim_add_hook() */
};

/* Thread-safe, takes no lock. */
void trim_add_hook(struct trim_hook *hook);

#endif
