/* What the measurements of regions share: a clock, random numbers, a touch, and a line of result.
 * */
#ifndef CAIRN_BENCH_REGIONS_CLOCK_H
#define CAIRN_BENCH_REGIONS_CLOCK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* xorshift64 (Marsaglia 2003). */
static inline uint32_t random_below(uint64_t *state, uint32_t limit) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 32) * limit >> 32);
}

/* The compiler must take it that the memory behind the pointer is read. */
static inline void keep(void *pointer) { __asm__ volatile("" : : "r"(pointer) : "memory"); }

static inline void report(const char *workload, double ns) { printf("%s %.3f\n", workload, ns); }

#endif
