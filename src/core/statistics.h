/* Statistics: counted when asked for, from the bitmaps, so that nothing is counted while running.
 *
 * The figures and what holds between them: <cairn/stats.h>.  Any thread, any time; no lock, nothing
 * allocated, but where said. */
#ifndef CAIRN_CORE_STATISTICS_H
#define CAIRN_CORE_STATISTICS_H

#include <cairn/stats.h>

/* All figures but those of physical memory, which stay 0: no system call. */
void statistics_count(struct cairn_heap_stats *stats);

/* All figures. */
void statistics_take(struct cairn_heap_stats *stats);

/* Bytes of all that describes memory (descriptors, bitmaps, heaps) that are resident. */
size_t statistics_metadata_bytes(void);

/* Statistics at the moment with most live bytes.
 *
 * Armed, samples are taken as the heap grows, each time a sixteenth more chunks are taken than at
 * the last sample: so the peak is missed by a sixteenth at most, and the samples cost less than 20
 * walks of the heap of the end.  Not armed, it costs a test for each slab or large object made. */
void statistics_follow_peak(void);

/* The highest of all samples and of now, as statistics_count() has it.  Takes the chunk lock. */
void statistics_peak(struct cairn_heap_stats *stats);

#endif
