/* The outer of two scopes is left first. */
#include <cairn/heap.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_heap *outer = cairn_heap_create(NULL);
    struct cairn_heap *inner = cairn_heap_create(NULL);
    struct cairn_heap_scope first = cairn_heap_enter(outer);
    struct cairn_heap_scope second = cairn_heap_enter(inner);
    EXPECT(second.heap == inner);
    EXPECT_REPORT("cairn_heap_leave", &first,
                  "the scope is another thread's, or one that was entered later is open; leave "
                  "scopes in the reverse order, where they were entered");
    cairn_heap_leave(&first);
    return 0;
}
