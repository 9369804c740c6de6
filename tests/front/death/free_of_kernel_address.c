/* The topmost half of the address space, aligned. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)UINT64_C(0xffffffff80000000));
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
