/* An address that no x86-64 can have, as freed memory full of a pattern gives it. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)UINT64_C(0xdeadbeefdeadbeef));
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
