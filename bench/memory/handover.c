/*
 * handover: what some threads allocate, others free.
 *
 * Producers fill a backlog; then consumers, one for each producer, free it,
 * while the producers wait. So an allocator that brings a freed object back to
 * the heap of its thread has to do without that thread. At the end all are idle.
 *
 * handover [-r FD] [pairs] [MB of backlog] [rounds] [idle ms]
 */
#include "memory_util.h"

/* The slots of a pair are the producer's; both step in turns. */
static void produce(size_t member) {
    if (member % 2 == 0) {
        slots_fill(&crew_slots[member]);
    }
}

static void consume(size_t member) {
    if (member % 2 == 1) {
        slots_thin(&crew_slots[member - 1], 0);
    }
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    size_t pairs = (size_t)bench_param(argc, argv, 1, 2);
    size_t megabytes = (size_t)bench_param(argc, argv, 2, 100);
    long rounds = bench_param(argc, argv, 3, 5);
    long idle_ms = bench_param(argc, argv, 4, 1000);
    crew_start(2 * pairs);
    crew_slots_make(megabytes * MB / MEAN / pairs);
    report_and_rest("start", 0, REST_MS);
    for (long i = 0; i < rounds; i++) {
        report("grow", 0);
        crew_do(produce);
        report_and_rest("top", crew_live(), REST_MS);
        report("shrink", crew_live());
        crew_do(consume);
        report_and_rest("bottom", crew_live(), REST_MS);
    }
    report_and_rest("after", crew_live(), idle_ms);
    report("end", crew_live());
    return crew_finish();
}
