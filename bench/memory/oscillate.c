/*
 * oscillate: a heap that grows and shrinks, again and again.
 *
 * Every thread fills its slots with objects of 16 to 2000 bytes and frees all
 * but one in `factor`, at random, so that the heap shrinks by that factor; then
 * it fills up again. An allocator that gives everything back at once pays for it
 * with page faults in the next swing; one that keeps all is fat in between and
 * after. With a rest at each turn the swing is slow, without it quick.
 *
 * oscillate [-r FD] [threads] [MB at the top] [factor] [swings] [rest ms; 0: none] [ms after]
 */
#include "memory_util.h"

static size_t factor;

static void shrink(size_t member) { slots_thin(&crew_slots[member], factor); }

static void begin(size_t member) {
    struct slots *slots = &crew_slots[member];
    for (size_t i = 0; i < slots->count; i += factor) {
        slot_fill(slots, i, rng_between(&slots->rng, SMALLEST, LARGEST));
    }
}

static void swing(long rest_ms) {
    report("grow", crew_live());
    crew_do(crew_fill_step);
    report_and_rest("top", crew_live(), rest_ms);
    report("shrink", crew_live());
    crew_do(shrink);
    report_and_rest("bottom", crew_live(), rest_ms);
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    size_t threads = (size_t)bench_param(argc, argv, 1, 2);
    size_t megabytes = (size_t)bench_param(argc, argv, 2, 60);
    factor = (size_t)bench_param(argc, argv, 3, 10);
    long swings = bench_param(argc, argv, 4, 100);
    long rest_ms = bench_param_from(argc, argv, 5, 0, 0);
    long after_ms = bench_param(argc, argv, 6, 1000);
    crew_start(threads);
    crew_slots_make(megabytes * MB / MEAN / threads);
    report_and_rest("start", 0, REST_MS);
    crew_do(begin);
    for (long i = 0; i < swings; i++) {
        swing(rest_ms);
    }
    report_and_rest("after", crew_live(), after_ms);
    report("end", crew_live());
    return crew_finish();
}
