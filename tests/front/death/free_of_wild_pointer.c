/* An address that nothing is mapped at. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)UINT64_C(0x00000dead0beef00));
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
