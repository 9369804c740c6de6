/* The address of a local variable. */
#include "death.h"

int main(void) {
    char local[64];
    void *p = opaque(local);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
