/* A pointer into a large object, in its first chunk. */
#include "death.h"

int main(void) {
    void *p = object_of(3 * MIB + 5);
    void *q = at_offset(p, 4096);
    EXPECT_REPORT("free", q, INTERIOR_LARGE, (size_t)4096, malloc_usable_size(p),
                  (unsigned long)address(p));
    free(q);
    return 0;
}
