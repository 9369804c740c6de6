/* Memory that a test has filled, to see who else writes to it. */
#ifndef CAIRN_TESTS_SUPPORT_BYTES_H
#define CAIRN_TESTS_SUPPORT_BYTES_H

#include <stddef.h>

#include "support/child.h"

/* Ends the process if one of `size` bytes is another than `value`. */
static inline void require_filled(const unsigned char *bytes, size_t size, unsigned char value) {
    for (size_t i = 0; i < size; i++) {
        REQUIRE(bytes[i] == value);
    }
}

#endif
