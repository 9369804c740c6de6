/* Memory that reads as zero: made so, and found so.  Sizes are multiples of 16.
 *
 * Up to 256 bytes both go by the power of two that the size is above and not beyond: so many pieces
 * from the start and as many from the end, which overlap.  A loop over the size would end where
 * the CPU can't foresee it, which costs more than the pieces that are done twice. */
#ifndef CAIRN_GUARD_CLEAR_H
#define CAIRN_GUARD_CLEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

typedef uint64_t clear_pair __attribute__((vector_size(16), may_alias));

enum {
    CLEAR_LINE = 4,     /* pairs */
    CLEAR_BY_CALL = 256 /* bytes; above it a loop is better, the C library's for clearing */
};

FAST_PATH void clear_line(clear_pair *to) { to[0] = to[1] = to[2] = to[3] = (clear_pair){0}; }

FAST_PATH clear_pair line_bits(const clear_pair *from) {
    return (from[0] | from[1]) | (from[2] | from[3]);
}

FAST_PATH void clear(void *memory, size_t size) {
    clear_pair *to = memory, *end = to + size / sizeof *to;
    if (size <= 32) {
        to[0] = end[-1] = (clear_pair){0};
    } else if (size <= 64) {
        to[0] = to[1] = end[-1] = end[-2] = (clear_pair){0};
    } else if (size <= 128) {
        clear_line(to);
        clear_line(end - CLEAR_LINE);
    } else if (size <= CLEAR_BY_CALL) {
        clear_line(to);
        clear_line(to + CLEAR_LINE);
        clear_line(end - 2 * CLEAR_LINE);
        clear_line(end - CLEAR_LINE);
    } else {
        memset(memory, 0, size);
    }
}

FAST_PATH clear_pair four_lines_bits(const clear_pair *from) {
    return line_bits(from) | line_bits(from + CLEAR_LINE) | line_bits(from + 2 * CLEAR_LINE) |
           line_bits(from + 3 * CLEAR_LINE);
}

FAST_PATH bool is_clear(const void *memory, size_t size) {
    const clear_pair *from = memory, *end = from + size / sizeof *from;
    clear_pair bits;
    if (size <= 32) {
        bits = from[0] | end[-1];
    } else if (size <= 64) {
        bits = (from[0] | from[1]) | (end[-1] | end[-2]);
    } else if (size <= 128) {
        bits = line_bits(from) | line_bits(end - CLEAR_LINE);
    } else if (size <= CLEAR_BY_CALL) {
        bits = line_bits(from) | line_bits(from + CLEAR_LINE) | line_bits(end - 2 * CLEAR_LINE) |
               line_bits(end - CLEAR_LINE);
    } else {
        enum { STEP = 4 * CLEAR_LINE };
        bits = four_lines_bits(end - STEP);
        for (; from < end - STEP; from += STEP) {
            bits |= four_lines_bits(from);
        }
    }
    return (bits[0] | bits[1]) == 0;
}

#endif
