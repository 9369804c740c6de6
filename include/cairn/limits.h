/* Limits: how much memory the heap of this process may hold.
 *
 *     cairn_set_hard_limit(512 << 20);
 *     cairn_set_limit_handler(drop_caches, &caches);
 *
 * What the heap holds are the chunks of 32 KiB that slabs and large objects take, and free ones
 * that are kept for reuse; an object that was never touched counts whole.  The heap's own tables
 * (about a 40th) do not count, nor does what the program maps itself.
 *
 *   soft limit   free memory is kept for reuse only as far as all stays within it; above it nothing
 *                is kept: the heap gets as lean as it can, and slower.  No request fails for it.
 *   hard limit   never exceeded: a request that would is answered with NULL and ENOMEM, after all
 *                that was kept without need went, and the handler, if there is one, was asked.
 *                If it is set below what is held already, nothing is added until enough was freed.
 *
 * 0, the default, is no limit.  Limits are in whole chunks, rounded down.  They can also be set by
 * CAIRN_SOFT_LIMIT and CAIRN_HARD_LIMIT, and CAIRN_CGROUP=1 takes the soft limit from the control
 * group of the process.
 *
 * When not: to protect other processes from this one; the kernel's limits do that.
 *
 * Thread-safe.  A child of fork() inherits limits and handler.  A large object that realloc() must
 * move counts at both places until it has, and one with an alignment above 32 KiB with as much more
 * until it is found.  Cost: nothing where no chunks are taken or given. */
#ifndef CAIRN_LIMITS_H
#define CAIRN_LIMITS_H

#include <stddef.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes; 0: none.  Setting a soft limit below what is held makes the heap give back at once what it
 * keeps. */
void cairn_set_soft_limit(size_t bytes);
void cairn_set_hard_limit(size_t bytes);
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_soft_limit(void);
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_hard_limit(void);

/* What counts against the limits, in bytes, right now. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_held_bytes(void);

enum cairn_limit_answer {
    CAIRN_LIMIT_REFUSE, /* the request fails */
    CAIRN_LIMIT_RETRY,  /* something was freed: try again; the handler is asked up to 16 times */
    CAIRN_LIMIT_EXCEED  /* this one request may exceed the limit */
};

/* Asked, with the size of the request in bytes, before one fails for the hard limit; by the thread
 * that made the request, from within malloc.  It may free objects, also allocate: requests of its
 * own that exceed the limit fail without asking it.  It must return; and it must not use locks or
 * regions (arenas, pools, caches) that a thread holds or uses while it allocates. */
typedef enum cairn_limit_answer cairn_limit_handler(void *context, size_t bytes);

/* NULL: none.  Once it returns no thread begins to call the handler before; one may be within. */
void cairn_set_limit_handler(cairn_limit_handler *handler, void *context);

#ifdef __cplusplus
}
#endif

#endif
