// Deep inside an object of 16 KiB: the largest class.
#include "death.h"

int main(void) {
    void *p = NULL;
    for (size_t i = 0; i < 9; i++) {
        p = object_of(16 * KIB);
    }
    void *q = at_offset(p, 10000);
    size_t class = documented_class(16 * KIB);
    EXPECT_REPORT("free", q, INTERIOR, (size_t)10000, class, (unsigned long)address(p));
    free(q);
    return 0;
}
