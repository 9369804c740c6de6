/* How address space is divided.
 *
 *   region   a reservation, a multiple of blocks
 *   block    2 MiB: one huge page
 *   chunk    32 KiB: the unit of bookkeeping, 64 to a block
 *   slab     a chunk cut into objects of one class; or, for objects above 4 KiB, two to eight
 *   large    a run of chunks of its own
 *
 * Why chunks of 32 KiB: a slab is a chunk, and each thread has one or more of each class it
 * uses.  With 64 KiB programs with several threads had up to half as much again resident, with
 * no gain in time; with 16 KiB the descriptors would cost twice as much address space as a tiny
 * program's start-up may.
 *
 * Why more for large objects: of these a chunk holds 7 to 1, so that slabs would be made and
 * released all the time.  Why not eight for all: threads that come and go between few and many
 * objects would leave more slabs half empty, and hold an eighth more. */
#ifndef CAIRN_CORE_GEOMETRY_H
#define CAIRN_CORE_GEOMETRY_H

#include <stddef.h>
#include <stdint.h>

enum {
    CHUNK_SHIFT = 15,
    BLOCK_SHIFT = 21,
    WINDOW_SHIFT = 30, /* a window is what one leaf of the chunk map covers */
    ADDRESS_BITS = 48  /* user addresses are below 2^48 unless a program asks the kernel for more */
};

#define CHUNK_SIZE ((size_t)1 << CHUNK_SHIFT)
#define BLOCK_SIZE ((size_t)1 << BLOCK_SHIFT)

enum {
    CHUNKS_PER_BLOCK = 1 << (BLOCK_SHIFT - CHUNK_SHIFT),
    CHUNKS_PER_WINDOW = 1 << (WINDOW_SHIFT - CHUNK_SHIFT),
    WIDE_CHUNKS = 8, /* of the widest slab */
    BLOCKS_PER_WINDOW = 1 << (WINDOW_SHIFT - BLOCK_SHIFT),
    WINDOWS = 1 << (ADDRESS_BITS - WINDOW_SHIFT)
};

/* That so many bytes take. */
static inline size_t chunks_for(size_t bytes) { return (bytes + CHUNK_SIZE - 1) / CHUNK_SIZE; }

/* Requests above it fail: the difference of two pointers must fit ptrdiff_t. */
#define REQUEST_MAX ((size_t)PTRDIFF_MAX)

#endif
