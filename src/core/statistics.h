/* Statistics: counted when asked for, from the bitmaps, so that nothing is counted while running.
 *
 * What is free and live is read object by object under the chunk lock while other threads go on:
 * each number was true at some moment of the walk.  "Live" is what was allocated and not freed, in
 * bytes of size classes, or whole pages for large objects; a bin's objects are free, as nobody has
 * them. All functions: any thread, any time; nothing is allocated. */
#ifndef CAIRN_CORE_STATISTICS_H
#define CAIRN_CORE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/size_class.h"

struct class_statistics {
    size_t object_bytes; /* the class's size */
    size_t slabs, slab_bytes;
    size_t live_objects, live_bytes;
    size_t free_objects; /* capacity of the slabs - live_objects */
};

struct large_statistics {
    size_t objects;
    size_t bytes;       /* usable */
    size_t chunk_bytes; /* of the chunks they take */
};

/* Summed over all heaps' counters since the process began. */
struct heap_statistics {
    size_t active, parked; /* heaps of threads, and of threads that ended */
    uint64_t refills;
    uint64_t slabs_created, slabs_released, slabs_adopted;
    uint64_t remote_frees;
    size_t bin_objects, bin_bytes; /* free objects that bins hold ready */
};

struct statistics {
    struct class_statistics classes[CLASS_COUNT];
    struct large_statistics large;
    size_t live_bytes;  /* small and large */
    size_t small_bytes; /* of those, in slabs */
    size_t slab_bytes;
    size_t free_bytes; /* in slabs: slab_bytes - small_bytes, ends that fit no object included */
    size_t reserved_bytes;  /* address space of all regions */
    size_t committed_bytes; /* of that, readable and writable */
    size_t taken_bytes;     /* of that, in slabs and large objects (or on the way there) */
    size_t taken_peak_bytes;
    size_t dirty_bytes;  /* in no use, kept for reuse */
    size_t purged_bytes; /* given back to the kernel, in all */
    struct heap_statistics heaps;
};

void statistics_take(struct statistics *statistics);

/* Resident bytes of all that describes memory: descriptors, bitmaps, heaps.  (The tables of bitmaps
 * and heaps count as mapped.) */
size_t statistics_metadata_bytes(void);

/* Statistics at the moment with most live bytes.
 *
 * Armed, samples are taken as the heap grows, each time a sixteenth more chunks are taken than at
 * the last sample: so the peak is missed by a sixteenth at most, and the samples cost less than 20
 * walks of the heap of the end.  Not armed, it costs a test for each slab or large object made. */
void statistics_follow_peak(void);

/* The highest of all samples and of now. */
void statistics_peak(struct statistics *statistics);

#endif
