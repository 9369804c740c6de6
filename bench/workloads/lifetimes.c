/*
 * lifetimes: random sizes and random lifetimes in steady state.
 *
 * At each step one object is allocated, and those whose time has come are
 * freed. Lifetimes are spread evenly over the powers of two, sizes too: most
 * objects die young, some live for the whole run, and holes of all sizes stay
 * between them. The idea is that of the random stress programs of the field
 * (Ruby's and Python's benchmarks, MicroQuill's SmartHeap tests).
 *
 * lifetimes [threads] [steps per thread]
 */
#include "bench_util.h"

enum { HORIZON = 1 << 16, SMALLEST = 16, LARGEST = 2048 };

struct object {
    struct object *next;
    size_t size;
};

struct job {
    struct rng rng;
    uint64_t freed_bytes;
    struct object *due[HORIZON];
};

static size_t steps;

static uint64_t free_due(struct object **due) {
    uint64_t bytes = 0;
    for (struct object *object = *due, *next; object != NULL; object = next) {
        next = object->next;
        bytes += object->size;
        free(object);
    }
    *due = NULL;
    return bytes;
}

static void *run(void *argument) {
    struct job *job = argument;
    for (size_t step = 0; step < steps; step++) {
        job->freed_bytes += free_due(&job->due[step % HORIZON]);
        size_t size = rng_size(&job->rng, SMALLEST, LARGEST);
        size_t lifetime = rng_size(&job->rng, 1, HORIZON - 1);
        struct object *object = stamped_alloc(size, 0);
        struct object **due = &job->due[(step + lifetime) % HORIZON];
        *object = (struct object){*due, size};
        *due = object;
    }
    for (size_t i = 0; i < HORIZON; i++) {
        job->freed_bytes += free_due(&job->due[i]);
    }
    return NULL;
}

int main(int argc, char **argv) {
    size_t threads = (size_t)bench_param(argc, argv, 1, 1);
    steps = (size_t)bench_param(argc, argv, 2, 20000000);
    struct job *jobs = bench_calloc(threads, sizeof *jobs);
    for (size_t i = 0; i < threads; i++) {
        jobs[i].rng.state = i;
    }
    run_threads(threads, run, jobs, sizeof *jobs);
    uint64_t checksum = 0;
    for (size_t i = 0; i < threads; i++) {
        checksum += jobs[i].freed_bytes;
    }
    free(jobs);
    return bench_finish(checksum);
}
