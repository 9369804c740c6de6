/* A pointer 16 bytes into an object, aligned as objects are. */
#include "death.h"

int main(void) {
    void *p = object_of(64);
    void *q = at_offset(p, 16);
    EXPECT_REPORT("free", q, INTERIOR, (size_t)16, documented_class(64), (unsigned long)address(p));
    free(q);
    return 0;
}
