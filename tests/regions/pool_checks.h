/* What the tests of pools have in common. */
#ifndef CAIRN_TESTS_REGIONS_POOL_CHECKS_H
#define CAIRN_TESTS_REGIONS_POOL_CHECKS_H

#include <cairn/pool.h>

#include "regions/pool_parts.h"
#include "support/dies.h"

static inline void assert_sound(const struct cairn_pool *pool) {
    const char *wrong;
    if (!pool_holds(pool, &wrong)) {
        fail_msg("the pool violates: %s", wrong);
    }
}

static inline void make(struct cairn_pool *pool, size_t size, struct cairn_pool_options options) {
    assert_true(cairn_pool_init(pool, size, &options));
}

#endif
