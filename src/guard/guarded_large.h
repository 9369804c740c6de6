/* Large objects between guard pages.
 *
 *   chunks   | ... guard page | object, whole pages | guard page | ...
 *
 * The object begins right behind a page that nobody may touch; what its last page has beyond it is
 * a canary, and the next page is untouchable again.  A freed one is untouchable as a whole for a
 * while.  Where the kernel has no guard pages (before Linux 6.13, or memory is locked) they are
 * made by mprotect, for GUARDED_BY_PROTECTION objects at a time, as that costs mappings; others
 * then have the canary alone.
 *
 * Thread-safe as large objects are: any thread may free or resize one. */
#ifndef CAIRN_GUARD_GUARDED_LARGE_H
#define CAIRN_GUARD_GUARDED_LARGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/chunk.h"

enum { GUARDED_BY_PROTECTION = 2000 };

/* What waits in a heap; for its thread only. */
enum { LARGE_WAITING = 16 };
#define LARGE_WAITING_BYTES ((size_t)64 << 20)
struct large_quarantine {
    struct chunk *waiting[LARGE_WAITING]; /* a ring */
    uint32_t first, count;
    size_t bytes;
};

/* NULL with ENOMEM: no memory. */
void *guarded_large_allocate(size_t size, size_t alignment, bool zeroed);

/* The head of a guarded live object that begins at `address`; NULL: there is none. */
struct chunk *guarded_large_find(uintptr_t address);

static inline size_t guarded_large_size(const struct chunk *head) {
    return head->large.bytes - head->slack;
}

/* False: something was written behind it, and reported. */
bool guarded_large_check(const char *function, const struct chunk *head);

/* quarantine: the calling thread's, or NULL.  False: another thread has freed it just now. */
bool guarded_large_free(struct chunk *head, struct large_quarantine *quarantine);

/* Within its pages. */
bool guarded_large_resize(struct chunk *head, size_t size);

void large_quarantine_empty(struct large_quarantine *quarantine);

#endif
