/* An optional thread that lets go what nobody uses, also where no other thread ever comes by again:
 * dirty chunks and the pages in slabs of ended threads once nothing has moved for some seconds, and
 * spare chunks that a thread has not touched for one.  What a running thread has in its slabs is
 * its own alone: cairn_thread_idle() is for that.
 *
 * It starts at the first slow path of an allocation after start-up, so that neither a constructor
 * nor a program that is over at once has one more thread; and so again in the child of a fork.  If
 * it is refused, there is none.  It allocates nothing. */
#ifndef CAIRN_CORE_BACKGROUND_H
#define CAIRN_CORE_BACKGROUND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    BACKGROUND_PERIOD_MS = 1000,
    BACKGROUND_QUIET_PERIODS = 3, /* without any chunk moving, until all goes */
    BACKGROUND_START_MS = 20      /* from start or fork until it may begin */
};

enum background_state {
    BACKGROUND_OFF = 0,
    BACKGROUND_WANTED = 1, /* begins when an allocation comes by */
    BACKGROUND_BEGUN = 2
};

extern _Atomic(uint32_t) background_state;

void background_begin(void);

/* By an allocation that took the slow path and is done: no lock is held, nothing half-way. */
static inline void background_watch(void) {
    /* relaxed: who misses it, or is late, leaves it to the next. */
    if (unlikely(atomic_load_explicit(&background_state, memory_order_relaxed) ==
                 BACKGROUND_WANTED)) {
        background_begin();
    }
}

/* From now on it is wanted; once.  pressure: it also trims when memory is short (os/worker.h; the
 * control group's memory.events). */
void background_start(bool pressure);

#endif
