/* A large object goes back to the system when it is freed: the second free meets nothing. */
#include "death.h"

int main(void) {
    void *p = object_of(4 * MIB);
    free(p);
    EXPECT_REPORT("free", p, RELEASED);
    free(p);
    return 0;
}
