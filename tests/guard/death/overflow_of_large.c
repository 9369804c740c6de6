/* Behind a large object whose last page has room for more. */
#include "profile.h"

int main(void) {
    char *p = object_of(100000);
    EXPECT_REPORT("free", p, OVERFLOW_OF, (size_t)1, " was", (size_t)100000, (size_t)100000, "00");
    p[100000] = '\0';
    free(p);
    return 0;
}
