/* Behind an object that is aligned to more than its size. */
#include "profile.h"

int main(void) {
    char *p = memalign(256, opaque_size(40));
    EXPECT(p != NULL);
    EXPECT_REPORT("free", p, OVERFLOW_OF, (size_t)1, " was", (size_t)40, (size_t)40, "00");
    ((char *)opaque(p))[40] = '\0';
    free(p);
    return 0;
}
