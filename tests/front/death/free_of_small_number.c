/* A small integer that was taken for a pointer. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)UINT64_C(16));
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
