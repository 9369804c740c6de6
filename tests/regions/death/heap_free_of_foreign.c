/* What was never allocated is given to a heap. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    int local;
    void *foreign = opaque(&local);
    EXPECT_REPORT("cairn_heap_free", foreign, FOREIGN);
    cairn_heap_free(heap, foreign);
    return 0;
}
