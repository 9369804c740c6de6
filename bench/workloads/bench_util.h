/*
 * What every workload shares: parameters, a random generator, checked
 * allocation, stamps in objects, threads that start together, the last line.
 *
 * A workload is a plain program that calls malloc and free. The same seeds
 * give the same requests in every run, so the checksum it prints is the same
 * under every allocator; another checksum means that memory was damaged.
 */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parameter number `index` of the command line, `least` or more, or its default. */
static inline long bench_param_from(int argc, char **argv, int index, long otherwise, long least) {
    if (index >= argc) {
        return otherwise;
    }
    char *end = NULL;
    long value = strtol(argv[index], &end, 10);
    if (end == argv[index] || *end != '\0' || value < least) {
        fprintf(stderr, "%s: bad parameter %s\n", argv[0], argv[index]);
        exit(2);
    }
    return value;
}

static inline long bench_param(int argc, char **argv, int index, long otherwise) {
    return bench_param_from(argc, argv, index, otherwise, 1);
}

/* splitmix64: one addition and a few shifts, so the generator never dominates. */
struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng) {
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [0, bound), bound < 2^32. */
static inline size_t rng_below(struct rng *rng, size_t bound) {
    return (size_t)(((rng_next(rng) >> 32) * (uint64_t)bound) >> 32);
}

static inline size_t rng_between(struct rng *rng, size_t low, size_t high) {
    return low + rng_below(rng, high - low + 1);
}

/* Small sizes often, large ones seldom: every doubling of [low, high] is as likely as another. */
static inline size_t rng_size(struct rng *rng, size_t low, size_t high) {
    unsigned doublings = 0;
    while ((low << (doublings + 1)) <= high) {
        doublings++;
    }
    size_t base = low << rng_below(rng, doublings + 1);
    size_t size = base + rng_below(rng, base);
    return size < high ? size : high;
}

_Noreturn static inline void bench_fail(const char *what) {
    fprintf(stderr, "workload failed: %s\n", what);
    exit(1);
}

static inline void *bench_alloc(size_t size) {
    void *p = malloc(size);
    if (p == NULL) {
        bench_fail("malloc returned NULL");
    }
    return p;
}

static inline void *bench_calloc(size_t count, size_t size) {
    void *p = calloc(count, size);
    if (p == NULL) {
        bench_fail("calloc returned NULL");
    }
    return p;
}

static inline void *bench_realloc(void *p, size_t size) {
    p = realloc(p, size);
    if (p == NULL) {
        bench_fail("realloc returned NULL");
    }
    return p;
}

/* Objects of 8 bytes or more carry a stamp in their first word and its low byte in their last
 * byte: a user writes to what it allocates, and a stamp that differs at the free tells of objects
 * that overlap. */
static inline void *stamped_alloc(size_t size, uint64_t stamp) {
    unsigned char *p = bench_alloc(size);
    p[size - 1] = (unsigned char)stamp;
    memcpy(p, &stamp, sizeof stamp);
    return p;
}

static inline uint64_t stamp_of(const void *p) {
    uint64_t stamp;
    memcpy(&stamp, p, sizeof stamp);
    return stamp;
}

static inline void stamped_free(void *p, size_t size) {
    if (size > sizeof(uint64_t) && ((unsigned char *)p)[size - 1] != (unsigned char)stamp_of(p)) {
        bench_fail("an object was overwritten");
    }
    free(p);
}

/* Runs `body` in `count` threads, each with its own element of `jobs`, and waits for them. */
static inline void run_threads(size_t count, void *(*body)(void *), void *jobs, size_t job_size) {
    pthread_t *threads = bench_alloc(count * sizeof *threads);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, body, (char *)jobs + i * job_size) != 0) {
            bench_fail("pthread_create");
        }
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
}

static inline int bench_finish(uint64_t checksum) {
    printf("checksum %016llx\n", (unsigned long long)checksum);
    return 0;
}

#endif
