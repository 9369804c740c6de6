/* The pool's workloads on malloc: of the C library, or of what is preloaded. */
#include <stdlib.h>

static void set_up(void) {}
static void tear_down(void) {}
static inline void *take(void) { return malloc(OBJECT); }
static inline void give(void *object) { free(object); }

#include "pool_workloads.h"
