/* A heap is destroyed by a thread whose malloc comes from it. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    CAIRN_WITH_HEAP(heap) {
        EXPECT_REPORT("cairn_heap_destroy", heap,
                      "this thread has a scope of the heap open; leave that first");
        cairn_heap_destroy(heap);
    }
    return 0;
}
