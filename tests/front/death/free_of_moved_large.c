/* realloc moved a large object; the old pointer is freed. A neighbour keeps the object from
 * growing where it is. */
#include "death.h"

int main(void) {
    void *p = NULL;
    void *q = NULL;
    size_t size = 1 * MIB;
    for (q = object_of(size); address(q) == address(p) || p == NULL;) {
        EXPECT(size < GIB);
        p = q;
        size *= 2;
        void *neighbour = object_of(1 * MIB);
        EXPECT(neighbour != NULL);
        q = opaque(realloc(p, opaque_size(size)));
        EXPECT(q != NULL);
    }
    EXPECT_REPORT("free", p, RELEASED);
    free(opaque(p));
    return 0;
}
