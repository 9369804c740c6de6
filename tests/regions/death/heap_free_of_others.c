/* An object of the process's heap is given to a heap that it is not of. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    const struct cairn_heap_options options = {.name = "plugin"};
    struct cairn_heap *heap = cairn_heap_create(&options);
    void *object = object_of(40);
    EXPECT_REPORT("cairn_heap_free", object, "pointer that is no object of heap \"plugin\"");
    cairn_heap_free(heap, object);
    return 0;
}
