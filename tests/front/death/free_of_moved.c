/* realloc moved the object; the old pointer is freed. */
#include "death.h"

int main(void) {
    void *p = object_of(100);
    void *q = opaque(realloc(p, opaque_size(5000)));
    EXPECT(q != NULL && address(q) != address(p));
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(100));
    free(opaque(p));
    return 0;
}
