/* The pool's workloads on a first-class heap, which has a lock where a pool has none. */
#include <cairn/heap.h>
#include <stdlib.h>

static struct cairn_heap *heap;

static void set_up(void) {
    heap = cairn_heap_create(NULL);
    if (heap == NULL) {
        abort();
    }
}

static void tear_down(void) { cairn_heap_destroy(heap); }
static inline void *take(void) { return cairn_heap_malloc(heap, OBJECT); }
static inline void give(void *object) { cairn_heap_free(heap, object); }

#include "pool_workloads.h"
