/*
 * Samples of another process's memory over time, as text.
 *
 * One line for each sample: time of CLOCK_MONOTONIC in ns, resident bytes, minor
 * page faults so far, and resident bytes in whole huge pages (-1: not asked for).
 * Resident bytes are those of /proc/PID/statm: a read of it disturbs the process
 * by some microseconds and takes no lock of its address space. Kernels before
 * 6.17 are off there by up to 32 pages for each processor.
 * Huge pages stand in smaps_rollup only, for which the kernel walks all page
 * tables; so they are looked up in every 16th sample, and only when asked for.
 */
#ifndef BENCH_SAMPLER_H
#define BENCH_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct sampler {
    FILE *output;
    int statm, stat, smaps; /* files of the process; smaps is -1 if not asked for */
    unsigned count;
    int64_t page_bytes;
    int64_t huge_bytes; /* the last that was read */
};

/* False, with errno set: a file cannot be opened. */
bool sampler_open(struct sampler *sampler, pid_t process, const char *output, bool huge_pages);

/* Takes one sample. The files of a process that has ended read as empty: then there is none. */
void sampler_take(struct sampler *sampler);

/* False, with errno set: not all could be written. */
bool sampler_close(struct sampler *sampler);

#endif
