/* malloc_usable_size of a local variable. */
#include "death.h"

int main(void) {
    char local[64];
    void *p = opaque(local);
    EXPECT_REPORT("malloc_usable_size", p, FOREIGN);
    say(2, "usable size %zu\n", malloc_usable_size(p));
    return 0;
}
