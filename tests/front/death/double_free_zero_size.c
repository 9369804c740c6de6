/* malloc(0) gives an object like any other. */
#include "death.h"

int main(void) {
    void *p = object_of(0);
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(0));
    free(p);
    return 0;
}
