/* A batch contains a pointer to the stack. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    void *batch[3];
    EXPECT(cairn_malloc_batch(64, 3, batch) == 3);
    batch[1] = opaque(batch);
    EXPECT_REPORT("cairn_free_batch", batch[1], FOREIGN);
    cairn_free_batch(batch, 3);
    return 0;
}
