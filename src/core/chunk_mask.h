/* Sets of chunks of one block, a bit for each, and runs in them. */
#ifndef CAIRN_CORE_CHUNK_MASK_H
#define CAIRN_CORE_CHUNK_MASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "core/geometry.h"
#include "os/os.h"

enum { ALL_CHUNKS = CHUNKS_PER_BLOCK };
#define WHOLE UINT64_MAX

static inline uint64_t mask_of(unsigned first, size_t count) {
    return (count >= ALL_CHUNKS ? WHOLE : (UINT64_C(1) << count) - 1) << first;
}

/* Bit i of the result: chunks i .. i + count - 1 are all set in mask. */
static inline uint64_t starts_of_runs(uint64_t mask, unsigned count) {
    for (unsigned have = 1; have < count;) {
        unsigned step = have < count - have ? have : count - have;
        mask &= mask >> step;
        have += step;
    }
    return mask;
}

/* Of chunks of one block. */
static inline uint64_t mask_of_range(const struct os_range *range) {
    unsigned first = (unsigned)(range->address / CHUNK_SIZE) % ALL_CHUNKS;
    return mask_of(first, range->size / CHUNK_SIZE);
}

/* Number of set bits from bit 0 on. */
static inline unsigned run_length(uint64_t mask) {
    return mask == WHOLE ? ALL_CHUNKS : lowest_bit(~mask);
}

/* By doubling: runs[i] has a bit for each place where a run of 2^i set bits starts; the longest run
 * is put together from these, the longest first. */
static inline uint8_t longest_run(uint64_t mask) {
    if (mask == 0 || mask == WHOLE) {
        return mask == 0 ? 0 : ALL_CHUNKS;
    }
    uint64_t runs[6] = {mask};
    unsigned i = 0;
    for (; i < 5 && (runs[i] & runs[i] >> (1u << i)) != 0; i++) {
        runs[i + 1] = runs[i] & runs[i] >> (1u << i);
    }
    unsigned length = 1u << i;
    for (uint64_t starts = runs[i]; i-- > 0;) {
        uint64_t longer = starts & runs[i] >> length;
        if (longer != 0) {
            starts = longer;
            length += 1u << i;
        }
    }
    return (uint8_t)length;
}

/* The `most` set bits at the high end: chunks are taken from the low end. */
static inline uint64_t highest_bits(uint64_t mask, size_t most) {
    uint64_t lower =
        lowest_bits(mask, count_bits(mask) - (unsigned)(most < ALL_CHUNKS ? most : ALL_CHUNKS));
    return count_bits(mask) <= most ? mask : mask & ~lower;
}

#endif
