/* The address of a global variable. */
#include "death.h"

static char global[256];

int main(void) {
    void *p = opaque(global);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
