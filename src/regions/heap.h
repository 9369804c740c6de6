/* What first-class heaps of both makes have in common. */
#ifndef CAIRN_REGIONS_HEAP_H
#define CAIRN_REGIONS_HEAP_H

#include <cairn/heap.h>
#include <cairn/regions.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { HEAP_HANDLE_LIVE = 0x68656170, HEAP_HANDLE_DESTROYED = 0x68646561 };

struct shared_heap;
struct fixed_heap;

/* Written once.  One of the two is not NULL. */
struct cairn_heap {
    struct shared_heap *shared; /* first, as memory that was given back is linked by its first word:
                                   the state is to survive in it until it is used again */
    struct fixed_heap *fixed;
    _Atomic(uint32_t) state; /* enum */
    bool is_listed;
    struct cairn_region region;
};

/* Reports that a pointer is no object of the heap. */
_Noreturn void heap_report_foreign(const struct cairn_heap *heap, const char *function,
                                   const void *pointer);

#endif
