/* A large and a small object outlive their heap, as the program believes. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    void *object = opaque(cairn_heap_malloc(heap, 40));
    EXPECT(cairn_heap_malloc(heap, 100000) != NULL);
    cairn_heap_destroy(heap);
    EXPECT_REPORT("free", object, RELEASED);
    free(object);
    return 0;
}
