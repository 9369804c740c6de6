/* What the measurements of regions share: the clock, random numbers, a touch, and a line of
 * result. */
#ifndef CAIRN_BENCH_REGIONS_MEASURE_H
#define CAIRN_BENCH_REGIONS_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clock.h"

/* 32 bits of xorshift64 (Marsaglia 2003). */
static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 32;
}

static inline uint32_t random_below(uint64_t *state, uint32_t limit) {
    return (uint32_t)(random_next(state) * limit >> 32);
}

/* The compiler must take it that the memory behind the pointer is read. */
static inline void keep(void *pointer) { __asm__ volatile("" : : "r"(pointer) : "memory"); }

/* A line for bench/regions/run: the workload, nanoseconds for each of `count` operations, and what
 * must be the same in all programs that measure it. */
static inline void report(const char *workload, int64_t ns, uint64_t count, uint64_t found) {
    printf("%s %.3f %llu\n", workload, (double)ns / (double)count, (unsigned long long)found);
}

/* A number of the command line, or its default. */
static inline uint64_t number_or(const char *argument, uint64_t otherwise) {
    return argument == NULL ? otherwise : strtoull(argument, NULL, 10);
}

#endif
