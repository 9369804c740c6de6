/* A large object of a batch was freed before. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    void *batch[3];
    EXPECT(cairn_malloc_batch(100000, 3, batch) == 3);
    void *p = opaque(batch[1]);
    EXPECT_REPORT("cairn_free_batch", p, RELEASED);
    cairn_free(p);
    cairn_free_batch(batch, 3);
    return 0;
}
