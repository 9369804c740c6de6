/* Memory that reads as zero: made so, and found so.  Sizes are multiples of 16. */
#ifndef CAIRN_GUARD_CLEAR_H
#define CAIRN_GUARD_CLEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t clear_pair __attribute__((vector_size(16), may_alias));

static inline void clear(void *memory, size_t size) {
    enum { BY_CALL = 256 }; /* from there on the C library's loop is faster */
    if (size >= BY_CALL) {
        memset(memory, 0, size);
        return;
    }
    clear_pair *to = memory;
    for (size_t i = 0; i < size / sizeof *to; i++) {
        to[i] = (clear_pair){0};
    }
}

static inline bool is_clear(const void *memory, size_t size) {
    const clear_pair *from = memory;
    size_t count = size / sizeof *from, i = 0;
    clear_pair all = {0}, more = {0};
    for (; i + 4 <= count; i += 4) {
        all |= from[i] | from[i + 1];
        more |= from[i + 2] | from[i + 3];
    }
    for (; i < count; i++) {
        all |= from[i];
    }
    all |= more;
    return (all[0] | all[1]) == 0;
}

#endif
