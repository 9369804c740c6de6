/* A pointer into a large object, many chunks behind its start. */
#include "death.h"

int main(void) {
    void *p = object_of(3 * MIB + 5);
    void *q = at_offset(p, 2 * MIB + 48);
    EXPECT_REPORT("free", q, INTERIOR_LARGE, 2 * MIB + 48, malloc_usable_size(p),
                  (unsigned long)address(p));
    free(q);
    return 0;
}
