/*
 * false_sharing: whether objects of different threads share cache lines.
 *
 * Active: each thread allocates a small object, writes to it many times, frees
 * it and goes on; an allocator that serves two threads from one line makes
 * both slow. Passive: the main thread allocates the first objects side by side
 * and hands one to each thread; after they were freed, the allocator must not
 * give pieces of that line to several threads forever. The idea is that of
 * cache-thrash and cache-scratch (Berger, Hoard).
 *
 * false_sharing [1 active, 2 passive] [threads] [objects per thread] [writes per object] [size]
 */
#include "bench_util.h"

struct job {
    unsigned char *first;
    uint64_t sum;
};

static bool passive;
static long objects, writes;
static size_t size;

static uint64_t use(unsigned char *object) {
    volatile unsigned char *bytes = object;
    memset(object, 0, size);
    for (long w = 0; w < writes; w++) {
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (unsigned char)(bytes[i] + 1);
        }
    }
    uint64_t sum = bytes[0];
    free(object);
    return sum;
}

static void *run(void *argument) {
    struct job *job = argument;
    if (passive) {
        job->sum += use(job->first);
    }
    for (long i = 0; i < objects; i++) {
        job->sum += use(bench_alloc(size));
    }
    return NULL;
}

int main(int argc, char **argv) {
    passive = bench_param(argc, argv, 1, 1) == 2;
    size_t threads = (size_t)bench_param(argc, argv, 2, 2);
    objects = bench_param(argc, argv, 3, 8000);
    writes = bench_param(argc, argv, 4, 20000);
    size = (size_t)bench_param(argc, argv, 5, 8);
    struct job *jobs = bench_calloc(threads, sizeof *jobs);
    for (size_t i = 0; i < threads && passive; i++) {
        jobs[i].first = bench_alloc(size);
    }
    run_threads(threads, run, jobs, sizeof *jobs);
    uint64_t checksum = 0;
    for (size_t i = 0; i < threads; i++) {
        checksum += jobs[i].sum;
    }
    free(jobs);
    return bench_finish(checksum);
}
