/* The object cache's workloads on an object cache. */
#include <cairn/object_cache.h>
#include <stdlib.h>

#include "connection.h"

static struct cairn_object_cache *cache;

static bool construct(void *object, void *context) {
    (void)context;
    connection_construct(object);
    return true;
}

static void set_up(void) {
    const struct cairn_object_cache_options options = {.construct = construct};
    cache = cairn_object_cache_create(sizeof(struct connection), &options);
    if (cache == NULL) {
        abort();
    }
}

static void tear_down(void) { cairn_object_cache_destroy(cache); }
static inline struct connection *take(void) { return cairn_object_cache_take(cache); }
static inline void give(struct connection *connection) {
    cairn_object_cache_give(cache, connection);
}

#include "object_workloads.h"
