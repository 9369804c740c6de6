/* realloc of an object that is free. */
#include "death.h"

int main(void) {
    void *p = object_of(50);
    free(p);
    EXPECT_REPORT("realloc", p, USE_AFTER_FREE, documented_class(50));
    opaque(realloc(p, opaque_size(100)));
    return 0;
}
