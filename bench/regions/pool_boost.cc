// The pool's workloads on boost::pool.
#include <boost/pool/pool.hpp>
#include <cstddef>

static boost::pool<> *pool;

static void set_up() { pool = new boost::pool<>(OBJECT); }
static void tear_down() { delete pool; }
static inline void *take() { return pool->malloc(); }
static inline void give(void *object) { pool->free(object); }

#include "pool_workloads.h"
