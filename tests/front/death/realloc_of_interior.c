/* realloc of a pointer that was advanced. */
#include "death.h"

int main(void) {
    void *p = object_of(1000);
    void *q = at_offset(p, 8);
    EXPECT_REPORT("realloc", q, INTERIOR, (size_t)8, documented_class(1000),
                  (unsigned long)address(p));
    opaque(realloc(q, opaque_size(2000)));
    return 0;
}
