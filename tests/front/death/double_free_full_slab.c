/* A double free in a slab that was full: its objects are of the largest size below a page. */
#include "death.h"

int main(void) {
    enum { COUNT = 400 };
    void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = object_of(4000);
    }
    free(p[5]);
    EXPECT_REPORT("free", p[5], DOUBLE_FREE, documented_class(4000));
    free(p[5]);
    return 0;
}
