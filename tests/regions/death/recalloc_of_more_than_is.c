/* An old size that no object can have, and a new one of 0. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    void *p = cairn_malloc(100000);
    EXPECT_REPORT("cairn_recalloc", p,
                  "an object of %zu usable bytes was called one of %zu; give the size that it was "
                  "allocated with",
                  documented_class(100000), SIZE_MAX);
    p = cairn_recalloc(p, opaque_size(SIZE_MAX), opaque_size(0), 10);
    EXPECT(p == NULL);
    return 0;
}
