/* An object is freed twice while the thread has the heap for itself. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    CAIRN_WITH_HEAP(heap) {
        void *object = object_of(40);
        void *again = opaque(object);
        free(object);
        EXPECT_REPORT("free", again, DOUBLE_FREE, (size_t)48);
        free(again);
    }
    return 0;
}
