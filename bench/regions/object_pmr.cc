// The object cache's workloads on std::pmr::synchronized_pool_resource, with a construction after
// each.
#include <cstddef>
#include <memory_resource>

#include "connection.h"

static std::pmr::synchronized_pool_resource *pool;

static void set_up() { pool = new std::pmr::synchronized_pool_resource; }
static void tear_down() { delete pool; }

static inline connection *take() {
    auto *object = static_cast<connection *>(pool->allocate(sizeof(connection)));
    connection_construct(object);
    return object;
}

static inline void give(connection *object) { pool->deallocate(object, sizeof(connection)); }

#include "object_workloads.h"
