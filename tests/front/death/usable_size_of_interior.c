/* malloc_usable_size of a pointer into an object. */
#include "death.h"

int main(void) {
    void *p = object_of(500);
    void *q = at_offset(p, 32);
    EXPECT_REPORT("malloc_usable_size", q, INTERIOR, (size_t)32, documented_class(500),
                  (unsigned long)address(p));
    say(2, "usable size %zu\n", malloc_usable_size(q));
    return 0;
}
