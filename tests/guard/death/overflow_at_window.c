/* Behind an object that begins a window of the chunk map, so that its head is in another one. */
#include "profile.h"

int main(void) {
    static const size_t window = (size_t)1 << 30, alignment = (size_t)1 << 24;
    char *p = NULL;
    for (size_t i = 0; i < 4 * window / alignment && (p == NULL || (size_t)p % window != 0); i++) {
        p = memalign(alignment, opaque_size(20000));
        EXPECT(p != NULL);
    }
    EXPECT((size_t)p % window == 0);
    EXPECT_REPORT("free", p, OVERFLOW_OF, (size_t)1, " was", (size_t)20000, (size_t)20000, "00");
    ((char *)opaque(p))[20000] = '\0';
    free(p);
    return 0;
}
