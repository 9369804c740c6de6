/* Large objects between guard pages.
 *
 *   chunks   | ... guard page | object, whole pages | guard page | ...
 *
 * The object begins right behind a page that nobody may touch; what its last page has beyond it is
 * a canary, and the next page is untouchable again.
 *
 * A freed one waits in the quarantine of the thread that freed it: untouchable as a whole, or, up
 * to LARGE_CLEARED bytes, cleared, which costs less than the kernel would take.  It keeps its
 * guard pages, and once a few others have come after it may be handed out again.  Where the kernel
 * has no guard pages (before Linux 6.13, or memory is locked) they are made by mprotect, for
 * GUARDED_BY_PROTECTION objects at a time, as that costs mappings; others then have the canary
 * alone.
 *
 * Thread-safe as large objects are: any thread may free or resize one. */
#ifndef CAIRN_GUARD_GUARDED_LARGE_H
#define CAIRN_GUARD_GUARDED_LARGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/chunk.h"

enum { GUARDED_BY_PROTECTION = 2000 };

enum {
    LARGE_CLEARED = 68 << 10,               /* 64 KiB and a header */
    LARGE_SIZES = LARGE_CLEARED / 4096 + 1, /* of cleared ones, in pages */
    LARGE_WAITING = 256,                    /* untouchable ones in a quarantine at most */
    LARGE_CLEARED_SHARE = 4, /* in all threads up to that part of all that is taken */
    LARGE_DELAY = 4          /* so many that were freed later wait before one is handed out again */
};
#define LARGE_CLEARED_BYTES \
    ((size_t)1 << 20) /* of all that wait cleared, or more by the share above */
#define LARGE_WAITING_BYTES ((size_t)64 << 20) /* and untouchable, which takes no memory */

/* What waits in a heap; for its thread only. */
struct large_quarantine {
    struct waiting_large {
        struct chunk *head;
        size_t bytes; /* large_usable(head): who looks for one of some size reads no descriptors */
        bool was_whole;       /* its last page was in use */
    } waiting[LARGE_WAITING]; /* untouchable; oldest first */
    uint32_t count;
    struct cleared_large {
        struct chunk *oldest, *newest; /* by chunk_shared.next */
        uint32_t count;
        uint32_t newest_turn; /* `turns` when the newest one came */
    } cleared[LARGE_SIZES];   /* by their pages */
    uint32_t turns;           /* how many came to wait cleared, ever */
    size_t cleared_bytes, untouchable_bytes;
};

/* reserve: so many bytes more of address space, for it to grow into.  quarantine: the calling
 * thread's, or NULL.  NULL with ENOMEM: no memory. */
void *guarded_large_allocate(size_t size, size_t alignment, bool zeroed, size_t reserve,
                             struct large_quarantine *quarantine);

/* Makes the first bytes of a new object resident, which are about to be written. */
void guarded_large_expect(void *object, size_t size);

/* What an object that is resized to `size` bytes should have in reserve, so that one that grows in
 * small steps is not copied at each. */
static inline size_t guarded_large_reserve(size_t size) { return size / 2; }

/* The head of a guarded live object that begins at `address`; NULL: there is none. */
struct chunk *guarded_large_find(uintptr_t address);

static inline size_t guarded_large_size(const struct chunk *head) {
    return large_usable(head) - head->slack;
}

/* False: something was written behind it. */
bool guarded_large_is_sound(const struct chunk *head);

/* The same, and it is reported. */
bool guarded_large_check(const char *function, const struct chunk *head);

/* quarantine: the calling thread's, or NULL.  False: another thread has freed it just now. */
bool guarded_large_free(struct chunk *head, struct large_quarantine *quarantine);

/* Its record, for a profile that keeps some: RECORD_BYTES at most, zeroed at first; NULL: no
 * memory. It is gone when the object's memory is. */
enum { RECORD_BYTES = CACHE_LINE };
void *guarded_large_record(struct chunk *head);

/* Within its chunks; what is new reads as zero. */
bool guarded_large_resize(struct chunk *head, size_t size);

/* Beyond its chunks, or to much less: where it is, or by moving its pages; then its old place waits
 * in the quarantine (the calling thread's, or NULL), which costs no memory.  Returns where it is
 * now.  zeroed: what is new reads as zero.  NULL: it has to be copied, as it is small (below
 * LARGE_MOVED), guarded by mprotect, or the kernel refuses. */
enum { LARGE_MOVED = 1 << 20 };
void *guarded_large_move(struct chunk *head, size_t size, bool zeroed,
                         struct large_quarantine *quarantine);

void large_quarantine_empty(struct large_quarantine *quarantine);

#endif
