/* realloc of a large object that went back to the system. */
#include "death.h"

int main(void) {
    void *p = object_of(4 * MIB);
    free(p);
    EXPECT_REPORT("realloc", p, RELEASED);
    opaque(realloc(p, opaque_size(8 * MIB)));
    return 0;
}
