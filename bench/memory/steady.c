/*
 * steady: a dense heap after a long mixed run.
 *
 * Threads fill their slots and then replace random ones, at the same number of
 * objects, for long: sizes of 16 to 2000 bytes, one in 20 up to 32 KiB. The heap
 * does not shrink; the question is how much is resident for what is live, and
 * how much of it still lies in whole huge pages.
 *
 * steady [-r FD] [threads] [MB live] [replacements of each thread] [rest ms]
 */
#include "memory_util.h"

enum { LARGE = 32768, ONE_IN = 20, MEAN_OF_ALL = MEAN + (LARGE + LARGEST) / 2 / ONE_IN };

static long replacements;

static size_t mixed_size(struct rng *rng) {
    return rng_below(rng, ONE_IN) == 0 ? rng_between(rng, LARGEST, LARGE)
                                       : rng_between(rng, SMALLEST, LARGEST);
}

static void fill(size_t member) {
    struct slots *slots = &crew_slots[member];
    for (size_t i = 0; i < slots->count; i++) {
        slot_fill(slots, i, mixed_size(&slots->rng));
    }
}

static void replace(size_t member) {
    struct slots *slots = &crew_slots[member];
    for (long i = 0; i < replacements; i++) {
        size_t chosen = rng_below(&slots->rng, slots->count);
        slot_empty(slots, chosen);
        slot_fill(slots, chosen, mixed_size(&slots->rng));
    }
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    size_t threads = (size_t)bench_param(argc, argv, 1, 2);
    size_t megabytes = (size_t)bench_param(argc, argv, 2, 200);
    replacements = bench_param(argc, argv, 3, 1000000);
    long rest_ms = bench_param(argc, argv, 4, 300);
    crew_start(threads);
    crew_slots_make(megabytes * MB / MEAN_OF_ALL / threads);
    report_and_rest("start", 0, REST_MS);
    report("fill", 0);
    crew_do(fill);
    report("run", crew_live());
    crew_do(replace);
    report_and_rest("idle", crew_live(), rest_ms);
    report("end", crew_live());
    return crew_finish();
}
