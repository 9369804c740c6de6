/* An object of a heap is freed by the heap's own function, then by free(). */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    EXPECT(cairn_heap_malloc(heap, 40) != NULL);
    void *object = cairn_heap_malloc(heap, 40);
    void *again = opaque(object);
    cairn_heap_free(heap, object);
    EXPECT_REPORT("free", again, DOUBLE_FREE, (size_t)48);
    free(again);
    return 0;
}
