/* The zero byte that ends a string, one byte behind its object. */
#include "profile.h"

int main(void) {
    char *p = object_of(100);
    EXPECT_REPORT("free", p, OVERFLOW_OF, (size_t)1, " was", (size_t)100, (size_t)100, "00");
    p[100] = '\0';
    free(p);
    return 0;
}
