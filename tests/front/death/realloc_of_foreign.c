/* realloc of a static array, as code does that grew out of one. */
#include "death.h"

static char table[128];

int main(void) {
    void *p = opaque(table);
    EXPECT_REPORT("realloc", p, FOREIGN);
    opaque(realloc(p, opaque_size(1000)));
    return 0;
}
