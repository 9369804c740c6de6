/* The pool's workloads on memory that costs nothing and is always warm: what they take is the
 * program's own part. */
#include <stddef.h>

enum { OBJECTS = 10000 }; /* as many as are live at once */

static _Alignas(64) char memory[OBJECTS][OBJECT];
static size_t used;

static void set_up(void) { used = 0; }
static void tear_down(void) {}
static inline void *take(void) { return memory[used < OBJECTS ? used++ : 0]; }
static inline void give(void *object) { (void)object; }

#include "pool_workloads.h"
