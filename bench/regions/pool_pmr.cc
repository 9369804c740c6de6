// The pool's workloads on std::pmr::unsynchronized_pool_resource.
#include <cstddef>
#include <memory_resource>

static std::pmr::unsynchronized_pool_resource *pool;

static void set_up() { pool = new std::pmr::unsynchronized_pool_resource; }
static void tear_down() { delete pool; }
static inline void *take() { return pool->allocate(OBJECT); }
static inline void give(void *object) { pool->deallocate(object, OBJECT); }

#include "pool_workloads.h"
