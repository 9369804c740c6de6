/* The plain double free. */
#include "death.h"

int main(void) {
    void *p = object_of(50);
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(50));
    free(p);
    return 0;
}
