/* An object of a batch was freed before. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    enum { COUNT = 100 };
    void *batch[COUNT];
    EXPECT(cairn_malloc_batch(200, COUNT, batch) == COUNT);
    void *p = opaque(batch[COUNT / 2]);
    EXPECT_REPORT("cairn_free_batch", p, DOUBLE_FREE, documented_class(200));
    cairn_free(p);
    cairn_free_batch(batch, COUNT);
    return 0;
}
