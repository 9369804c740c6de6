/* realloc of a pointer into a large object. */
#include "death.h"

int main(void) {
    void *p = object_of(2 * MIB);
    void *q = at_offset(p, 65536);
    EXPECT_REPORT("realloc", q, INTERIOR_LARGE, (size_t)65536, malloc_usable_size(p),
                  (unsigned long)address(p));
    opaque(realloc(q, opaque_size(3 * MIB)));
    return 0;
}
