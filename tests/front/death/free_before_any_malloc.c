/* A wild pointer as the first thing that the heap of this program sees. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)UINT64_C(0x0000123456789ab0));
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
