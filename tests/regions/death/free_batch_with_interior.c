/* A batch contains a pointer into the middle of an object. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    enum { COUNT = 100 };
    void *batch[COUNT];
    EXPECT(cairn_malloc_batch(64, COUNT, batch) == COUNT);
    void *p = batch[50], *q = at_offset(p, 16);
    batch[50] = q;
    EXPECT_REPORT("cairn_free_batch", q, INTERIOR, (size_t)16, documented_class(64),
                  (unsigned long)address(p));
    cairn_free_batch(batch, COUNT);
    return 0;
}
