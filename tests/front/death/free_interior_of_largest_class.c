/* Deep inside an object of 32 KiB: in another chunk than the start of its slab. */
#include "death.h"

int main(void) {
    void *p = NULL;
    for (size_t i = 0; i < 9; i++) {
        p = object_of(32 * KIB);
    }
    void *q = at_offset(p, 20000);
    size_t class = documented_class(32 * KIB);
    EXPECT_REPORT("free", q, INTERIOR, (size_t)20000, class, (unsigned long)address(p));
    free(q);
    return 0;
}
