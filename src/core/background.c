#include "core/background.h"

#include "core/block.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/trim.h"
#include "os/cgroup.h"
#include "os/os.h"
#include "os/worker.h"

_Atomic(uint32_t) background_state;

static bool wants_pressure;            /* written before the thread is wanted */
static _Atomic(uint64_t) may_begin_ms; /* likewise, or in the child of a fork */

/* The descriptor outlives forks: the child's thread goes on with it, as it can't know whether the
 * number still means the same. */
static int pressure_watch = -1;
static bool is_watching;

/* What changes when chunks move, but for the rarest coincidence. */
struct movement {
    size_t taken, dirty, purged_bytes, refaulted;
};

static struct movement movement_now(void) {
    /* relaxed: they are compared with what they were a second ago. */
    return (struct movement){
        .taken = block_total(&block_totals.taken),
        .dirty = block_total(&block_totals.dirty),
        .purged_bytes = block_total(&block_totals.purged_bytes),
        .refaulted = block_total(&block_totals.refaulted),
    };
}

static bool is_same(const struct movement *a, const struct movement *b) {
    return a->taken == b->taken && a->dirty == b->dirty && a->purged_bytes == b->purged_bytes &&
           a->refaulted == b->refaulted;
}

/* Spares that are the same as a period ago lie unused.  (A thread that took and put back the very
 * same takes a lock once more for it.) */
static void flush_unused_spares(void) {
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        uintptr_t spares = spare_sum(heap);
        if (spares != 0 && spares == heap->spares_seen) {
            spare_flush(heap);
            spares = 0;
        }
        heap->spares_seen = spares;
    }
}

static bool is_memory_short(bool told, size_t *high_events) {
    if (!wants_pressure) {
        return false;
    }
    size_t events = os_cgroup_high_events();
    bool more = events > *high_events;
    *high_events = events;
    return told || more;
}

static void run(void) {
    struct movement before = movement_now();
    unsigned quiet = 0;
    if (wants_pressure && !is_watching) {
        pressure_watch = os_watch_pressure();
        is_watching = true;
    }
    size_t high_events = wants_pressure ? os_cgroup_high_events() : 0;
    for (;;) {
        bool told = os_wait_for_pressure(&pressure_watch, BACKGROUND_PERIOD_MS);
        if (is_memory_short(told, &high_events)) {
            (void)trim();
            int nothing = -1; /* once a period is enough */
            (void)os_wait_for_pressure(&nothing, BACKGROUND_PERIOD_MS);
        }
        flush_unused_spares();
        chunks_look_at_quiet();
        struct movement now = movement_now();
        quiet = is_same(&before, &now) ? quiet + 1 : 0;
        before = now;
        if (quiet == BACKGROUND_QUIET_PERIODS) {
            (void)trim_unused();
            before = movement_now();
        }
    }
}

static void set_state(enum background_state state) {
    /* release: who finds it wanted finds the rest. */
    atomic_store_explicit(&background_state, (uint32_t)state, memory_order_release);
}

void background_begin(void) {
    if (os_clock_ms() < atomic_load_explicit(&may_begin_ms, memory_order_relaxed)) {
        return;
    }
    uint32_t expected = BACKGROUND_WANTED;
    if (atomic_compare_exchange_strong_explicit(&background_state, &expected, BACKGROUND_BEGUN,
                                                memory_order_acquire, memory_order_relaxed) &&
        !os_start_worker(run, "cairn")) {
        set_state(BACKGROUND_OFF);
    }
}

static void want(void) {
    atomic_store_explicit(&may_begin_ms, os_clock_ms() + BACKGROUND_START_MS, memory_order_relaxed);
    set_state(BACKGROUND_WANTED);
}

static void after_fork_in_child(void) {
    if (atomic_load_explicit(&background_state, memory_order_relaxed) == BACKGROUND_BEGUN) {
        want();
    }
}

void background_start(bool pressure) {
    wants_pressure = pressure;
    os_on_fork(NULL, NULL, after_fork_in_child);
    want();
}
