/* A pointer to the last byte of an object of an odd class, far into its slab. */
#include "death.h"

int main(void) {
    void *p = NULL;
    for (size_t i = 0; i < 100; i++) {
        p = object_of(300);
    }
    size_t class = documented_class(300);
    void *q = at_offset(p, class - 1);
    EXPECT_REPORT("free", q, INTERIOR, class - 1, class, (unsigned long)address(p));
    free(q);
    return 0;
}
