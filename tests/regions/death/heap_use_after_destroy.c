/* A heap is used after it was destroyed. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    struct cairn_heap *gone = opaque(heap);
    cairn_heap_destroy(heap);
    EXPECT_REPORT("cairn_heap_malloc", gone, "use of a heap that was destroyed");
    return cairn_heap_malloc(gone, 10) == NULL;
}
