/* A double free of an object of the largest class. */
#include "death.h"

int main(void) {
    enum { COUNT = 16 };
    void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = object_of(LARGEST_CLASS);
    }
    free(p[7]);
    EXPECT_REPORT("free", p[7], DOUBLE_FREE, documented_class(LARGEST_CLASS));
    free(p[7]);
    return 0;
}
