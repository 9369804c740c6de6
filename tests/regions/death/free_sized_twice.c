/* A sized free of an object that is free, with a size that is right. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    void *p = cairn_malloc(100), *keep = cairn_malloc(100);
    EXPECT(p != NULL && keep != NULL);
    EXPECT_REPORT("cairn_free_sized", p, DOUBLE_FREE, documented_class(100));
    cairn_free_sized(p, 100);
    cairn_free_sized(opaque(p), 100);
    return 0;
}
