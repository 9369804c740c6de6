/* A pointer one byte into an object. */
#include "death.h"

int main(void) {
    void *p = object_of(100);
    void *q = at_offset(p, 1);
    EXPECT_REPORT("free", q, INTERIOR, (size_t)1, documented_class(100), (unsigned long)address(p));
    free(q);
    return 0;
}
