/* The pool's workloads on a pool for one thread. */
#include <cairn/pool.h>
#include <stdlib.h>

#ifndef POOL_OPTIONS
#define POOL_OPTIONS .name = "measured"
#endif

static struct cairn_pool pool;

static void set_up(void) {
    const struct cairn_pool_options options = {POOL_OPTIONS};
    if (!cairn_pool_init(&pool, OBJECT, &options)) {
        abort();
    }
}

static void tear_down(void) { cairn_pool_destroy(&pool); }
static inline void *take(void) { return cairn_pool_take(&pool); }
static inline void give(void *object) { cairn_pool_give(&pool, object); }

#include "pool_workloads.h"
