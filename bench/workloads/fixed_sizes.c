/*
 * fixed_sizes: fixed patterns, one size at a time.
 *
 * For each size: a pair of malloc and free over and over; a stack of live
 * objects that grows and shrinks; a block of objects freed in the order they
 * were allocated. Nothing is random and nothing else happens, so this shows the
 * bare cost of the fast paths. The idea is that of the "simple" and "thread"
 * malloc benchmarks in glibc's benchtests.
 *
 * fixed_sizes [threads] [repetitions]
 */
#include "bench_util.h"

enum { DEPTH = 400 };

struct job {
    long repetitions;
    uint64_t count;
    char *live[DEPTH];
};

static char *take(size_t size) {
    char *p = bench_alloc(size);
    p[0] = 1;
    return p;
}

static uint64_t give(char *p) {
    uint64_t value = (uint64_t)p[0];
    free(p);
    return value;
}

static void pairs(struct job *job, size_t size) {
    for (size_t i = 0; i < 4 * DEPTH; i++) {
        job->count += give(take(size));
    }
}

/* Up by four, down by three, and down to the ground in the end. */
static void stack(struct job *job, size_t size) {
    size_t height = 0;
    while (height + 4 <= DEPTH) {
        for (int i = 0; i < 4; i++) {
            job->live[height++] = take(size);
        }
        for (int i = 0; i < 3; i++) {
            job->count += give(job->live[--height]);
        }
    }
    while (height > 0) {
        job->count += give(job->live[--height]);
    }
}

static void in_order(struct job *job, size_t size) {
    for (size_t i = 0; i < DEPTH; i++) {
        job->live[i] = take(size);
    }
    for (size_t i = 0; i < DEPTH; i++) {
        job->count += give(job->live[i]);
    }
}

static void *run(void *argument) {
    static const size_t sizes[] = {8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024};
    struct job *job = argument;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (long r = 0; r < job->repetitions; r++) {
            pairs(job, sizes[s]);
            stack(job, sizes[s]);
            in_order(job, sizes[s]);
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    size_t threads = (size_t)bench_param(argc, argv, 1, 1);
    long repetitions = bench_param(argc, argv, 2, 1500);
    struct job *jobs = bench_calloc(threads, sizeof *jobs);
    for (size_t i = 0; i < threads; i++) {
        jobs[i].repetitions = repetitions;
    }
    run_threads(threads, run, jobs, sizeof *jobs);
    uint64_t checksum = 0;
    for (size_t i = 0; i < threads; i++) {
        checksum += jobs[i].count;
    }
    free(jobs);
    return bench_finish(checksum);
}
