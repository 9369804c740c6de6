/* malloc_usable_size of an object that is free. */
#include "death.h"

int main(void) {
    void *p = object_of(50);
    free(p);
    EXPECT_REPORT("malloc_usable_size", p, USE_AFTER_FREE, documented_class(50));
    say(2, "usable size %zu\n", malloc_usable_size(p));
    return 0;
}
