/* Four bytes behind an object that is resized then. */
#include "profile.h"

int main(void) {
    char *p = object_of(100);
    EXPECT_REPORT("realloc", p, OVERFLOW_OF, (size_t)4, "s were", (size_t)100, (size_t)100,
                  "2a 2a 2a 2a");
    memset(p + 100, 0x2a, 4);
    p = realloc(p, 110);
    return 0;
}
