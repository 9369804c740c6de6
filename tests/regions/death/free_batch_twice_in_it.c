/* An object is in a batch twice, the second time in a row of neighbours. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    enum { COUNT = 100 };
    void *batch[COUNT];
    EXPECT(cairn_malloc_batch(64, COUNT, batch) == COUNT);
    void *p = batch[20];
    batch[3] = p;
    EXPECT_REPORT("cairn_free_batch", p, DOUBLE_FREE, documented_class(64));
    cairn_free_batch(batch, COUNT);
    return 0;
}
