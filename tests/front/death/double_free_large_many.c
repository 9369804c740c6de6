/* The same with large objects on both sides that stay. */
#include "death.h"

int main(void) {
    void *before = object_of(2 * MIB);
    void *p = object_of(2 * MIB);
    void *after = object_of(2 * MIB);
    EXPECT(before != NULL && after != NULL);
    free(p);
    EXPECT_REPORT("free", p, RELEASED);
    free(p);
    return 0;
}
