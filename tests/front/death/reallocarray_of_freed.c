/* reallocarray of an object that is free. */
#include "death.h"

int main(void) {
    void *p = object_of(50);
    free(p);
    EXPECT_REPORT("reallocarray", p, USE_AFTER_FREE, documented_class(50));
    opaque(reallocarray(p, opaque_size(10), 10));
    return 0;
}
