#include "guard/budget.h"

#include <stdatomic.h>

#include "base/compiler.h"
#include "os/os.h"

/* Spent and free are in nanoseconds times 100, so that a percent is a whole number.
 *
 *   there is some  <=>  now * percent > spent_to
 *   now * percent - BURST * 100 <= spent_to     (what is not used in time is lost)
 *
 * One word, so that no lock is needed: the time, in shares, up to which all is spent. */
static _Atomic(uint64_t) spent_to;
static _Atomic(uint64_t) share = 1;
enum { WHOLE = 100 };

/* What was measured counts so many times: a processor that had to forget a mapping looks up many
 * others anew afterwards.  On a virtual machine the whole was found to be 2.5 times the
 * measured. */
enum { AFTERMATH = 4 };

static uint64_t shares_at(uint64_t now, uint64_t percent) { return now * percent; }

/* Whoever is first after a pause loses what the bucket does not hold. */
static uint64_t floor_at(uint64_t shares) {
    return shares > BUDGET_BURST_NS * WHOLE ? shares - BUDGET_BURST_NS * WHOLE : 0;
}

RUNS_ONCE void budget_set(size_t percent) {
    atomic_store_explicit(&share, percent < WHOLE ? percent : WHOLE, memory_order_relaxed);
    atomic_store_explicit(&spent_to, 0,
                          memory_order_relaxed); /* it was in shares of another size */
}

uint64_t budget_now(void) {
    return atomic_load_explicit(&share, memory_order_relaxed) == WHOLE ? 0 : os_clock_ns();
}

/* Most who ask are refused, so they ask the cheap clock, which is a few milliseconds late. */
bool budget_begin(uint64_t *begin) {
    uint64_t percent = atomic_load_explicit(&share, memory_order_relaxed);
    uint64_t shares = shares_at(os_clock_ms() * 1000000, percent);
    if (percent != WHOLE && shares <= atomic_load_explicit(&spent_to, memory_order_relaxed)) {
        return false;
    }
    *begin = budget_now();
    return true;
}

void budget_end(uint64_t begin) {
    uint64_t percent = atomic_load_explicit(&share, memory_order_relaxed);
    if (begin == 0 || percent == WHOLE) {
        return;
    }
    uint64_t now = os_clock_ns();
    uint64_t cost = now - begin < BUDGET_MEASURE_NS ? now - begin : BUDGET_MEASURE_NS;
    uint64_t floor = floor_at(shares_at(now, percent));
    /* relaxed: a measure for a bound. */
    uint64_t before = atomic_load_explicit(&spent_to, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        &spent_to, &before, (before > floor ? before : floor) + cost * AFTERMATH * WHOLE,
        memory_order_relaxed, memory_order_relaxed)) {}
}
