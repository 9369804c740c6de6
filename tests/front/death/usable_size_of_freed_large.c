/* malloc_usable_size of a large object that went back to the system. */
#include "death.h"

int main(void) {
    void *p = object_of(4 * MIB);
    free(p);
    EXPECT_REPORT("malloc_usable_size", p, RELEASED);
    say(2, "usable size %zu\n", malloc_usable_size(p));
    return 0;
}
