/* Giving back all that can go, on request. */
#ifndef CAIRN_CORE_TRIM_H
#define CAIRN_CORE_TRIM_H

#include <stddef.h>

/* Gives to the kernel: all free chunks, also those that empty slabs of the calling thread and of
 * threads that have ended give up; and the pages inside their other slabs on which no object is
 * live.  Slabs of other running threads are theirs alone.  Returns the bytes.  Thread-safe. */
size_t trim(void);

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
