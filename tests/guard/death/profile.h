/* What the programs here share: one makes the same mistake under each profile, and the profiles
 * tell it in their ways. */
#ifndef CAIRN_TESTS_GUARD_DEATH_PROFILE_H
#define CAIRN_TESTS_GUARD_DEATH_PROFILE_H

#include <stdbool.h>

#include "front/death/death.h"

static inline bool is_debug(void) { return strcmp(getenv("CAIRN_PROFILE"), "debug") == 0; }

/* The class that an object of `size` bytes is in, with its canary. */
static inline size_t guarded_class(size_t size) {
    return documented_class(size + (is_debug() ? 16 : 8));
}

#define FROM_OFFSET  "from offset %zu on: found %s"
#define OVERFLOW_OF  "%zu byte%s changed behind an object of %zu bytes, " FROM_OFFSET
#define AFTER_FREE   "1 byte was changed after the free of an object of "
#define AFTER_FREE_2 ", from offset %zu on: found 01"

#endif
