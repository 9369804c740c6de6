/* The address of a function. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)(uintptr_t)&main);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
