/* Deep inside an object of the largest class. */
#include "death.h"

int main(void) {
    void *p = NULL;
    for (size_t i = 0; i < 9; i++) {
        p = object_of(LARGEST_CLASS);
    }
    void *q = at_offset(p, 9000);
    size_t class = documented_class(LARGEST_CLASS);
    EXPECT_REPORT("free", q, INTERIOR, (size_t)9000, class, (unsigned long)address(p));
    free(q);
    return 0;
}
