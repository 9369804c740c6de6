/* The pool's workloads on a pool with handles. */
#define POOL_OPTIONS .handles = true
#include "pool_cairn.c"
