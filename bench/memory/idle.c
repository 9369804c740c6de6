/*
 * idle: fill, free all or nearly all, and then do nothing.
 *
 * Threads allocate objects of 16 to 2000 bytes, free them in random order but
 * for one survivor in so many, and stay, idle. What is still resident is what
 * the allocator keeps for its own good.
 *
 * idle [-r FD] [threads] [MB in all] [one survivor in so many; 0: none] [idle ms]
 */
#include "memory_util.h"

static size_t survivors;

static void shuffle(size_t member) { slots_shuffle(&crew_slots[member]); }
static void thin(size_t member) { slots_thin(&crew_slots[member], survivors); }

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    size_t threads = (size_t)bench_param(argc, argv, 1, 4);
    size_t megabytes = (size_t)bench_param(argc, argv, 2, 260);
    survivors = (size_t)bench_param_from(argc, argv, 3, 0, 0);
    long idle_ms = bench_param(argc, argv, 4, 2000);
    crew_start(threads);
    crew_slots_make(megabytes * MB / MEAN / threads);
    report_and_rest("start", 0, REST_MS);
    report("fill", 0);
    crew_do(crew_fill_step);
    report_and_rest("full", crew_live(), REST_MS);
    crew_do(shuffle);
    report("free", crew_live());
    crew_do(thin);
    report_and_rest("idle", crew_live(), idle_ms);
    report("end", crew_live());
    return crew_finish();
}
