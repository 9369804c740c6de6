/* A double free that other frees of the same class have gone before, so that the object is not
 * the latest freed. */
#include "death.h"

int main(void) {
    enum { COUNT = 100 };
    void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = object_of(200);
    }
    for (size_t i = 0; i < COUNT - 1; i++) {
        free(p[i]);
    }
    EXPECT_REPORT("free", p[10], DOUBLE_FREE, documented_class(200));
    free(p[10]);
    return 0;
}
