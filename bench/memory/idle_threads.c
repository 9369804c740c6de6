/*
 * idle_threads: a pool of many threads that have all worked once and now wait.
 *
 * Every thread allocates a working set of mixed sizes to 8 KiB, frees it but for
 * the little that it keeps, and stays, idle. What is resident beyond the kept
 * bytes is what a thread costs that does nothing.
 *
 * idle_threads [-r FD] [threads] [KiB of working set] [KiB kept] [idle ms]
 */
#include "memory_util.h"

enum { LARGEST_OF_ALL = 8192 };

static size_t working_set, kept;

static void work(size_t member) {
    struct slots *slots = &crew_slots[member];
    for (size_t i = 0; i < slots->count && slots->live < working_set; i++) {
        slot_fill(slots, i, rng_size(&slots->rng, SMALLEST, LARGEST_OF_ALL));
    }
}

/* Random ones are kept: they may pin the pages of others. */
static void go_idle(size_t member) {
    struct slots *slots = &crew_slots[member];
    slots_shuffle(slots);
    for (size_t i = 0; i < slots->count && slots->live > kept; i++) {
        slot_empty(slots, i);
    }
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    size_t threads = (size_t)bench_param(argc, argv, 1, 200);
    working_set = (size_t)bench_param(argc, argv, 2, 1024) * 1024;
    kept = (size_t)bench_param_from(argc, argv, 3, 16, 0) * 1024;
    long idle_ms = bench_param(argc, argv, 4, 1000);
    crew_start(threads);
    crew_slots_make(working_set / 256);
    report_and_rest("start", 0, REST_MS);
    report("fill", 0);
    crew_do(work);
    report_and_rest("full", crew_live(), REST_MS);
    report("free", crew_live());
    crew_do(go_idle);
    report_and_rest("idle", crew_live(), idle_ms);
    report("end", crew_live());
    return crew_finish();
}
