/* The pool's workloads on a pool for several threads, by one thread. */
#define POOL_OPTIONS .shared = true
#include "pool_cairn.c"
