/* An object of no bytes. */
#include "profile.h"

int main(void) {
    void *p = malloc(opaque_size(0));
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, (size_t)0);
    free(p);
    return 0;
}
