/* Limits on what the heap holds: see <cairn/limits.h> for what they promise.
 *
 *   held = taken + dirty chunks  (block.h)
 *   held <= hard limit, but for what was held when it was set and what the handler let pass;
 *   dirty > 0  =>  held <= soft limit, once the call that took or gave chunks is over
 *
 * The block allocator keeps both, under its lock, where chunks are taken and given; no fast path
 * knows of them.  All zero: no limits. */
#ifndef CAIRN_CORE_LIMIT_H
#define CAIRN_CORE_LIMIT_H

#include <cairn/limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block.h"

/* Chunks; 0: none.  Written under the chunk lock. */
struct limits {
    _Atomic(size_t) soft, hard;
};
extern struct limits limits;

/* Bits of thread_traits.limit. */
enum {
    LIMIT_REFUSED = 1,    /* the last request for chunks that failed did so for the hard limit */
    LIMIT_IN_HANDLER = 2, /* the handler is running */
    LIMIT_EXEMPT = 4      /* the handler lets the request pass */
};

/* Chunks; SIZE_MAX: none.  The hard one is the calling thread's: see LIMIT_EXEMPT. */
static inline size_t limit_soft(void) {
    /* relaxed: who needs it exact holds the chunk lock. */
    size_t soft = atomic_load_explicit(&limits.soft, memory_order_relaxed);
    return soft != 0 ? soft : SIZE_MAX;
}
size_t limit_hard(void);

/* The smaller of both, for every thread. */
static inline size_t limit_least(void) {
    size_t hard = atomic_load_explicit(&limits.hard, memory_order_relaxed);
    size_t soft = limit_soft();
    return hard != 0 && hard < soft ? hard : soft;
}

/* Whether the soft limit is exceeded: nothing is to be kept or made resident ahead of its use. */
static inline bool limit_presses(void) {
    return block_total(&block_totals.taken) + block_total(&block_totals.dirty) > limit_soft();
}

/* By the block allocator: why it hands out nothing. */
void limit_note_refusal(bool by_hard_limit);

/* For who got NULL from take(request), holds no lock of the core and is in the middle of nothing:
 * if the hard limit is why, lets go what is kept without need, asks the handler, and tries again
 * while that may help.  NULL: it does not.  errno is kept. */
void *limit_insist(void *(*take)(void *request), void *request, size_t bytes);

/* In bytes; 0: none. */
void limit_set_soft(size_t bytes);
void limit_set_hard(size_t bytes);
void limit_set_handler(cairn_limit_handler *handler, void *context);

/* Sets what the options ask for. */
void limit_start(void);

#endif
