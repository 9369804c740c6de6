/* An aligned object is freed twice; its neighbours keep the slab in use. */
#include "death.h"

int main(void) {
    void *neighbour = object_of(64);
    void *p = aligned_alloc(64, 64);
    EXPECT(p != NULL && neighbour != NULL);
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(64));
    free(p);
    return 0;
}
