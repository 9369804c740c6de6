/* The middle of a heap's object is freed. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    void *object = opaque(cairn_heap_malloc(heap, 40));
    void *middle = at_offset(object, 16);
    EXPECT_REPORT("cairn_heap_free", middle, INTERIOR, (size_t)16, (size_t)48,
                  (unsigned long)address(object));
    cairn_heap_free(heap, middle);
    return 0;
}
