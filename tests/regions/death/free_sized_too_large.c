/* A size that the object can't have. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    void *p = cairn_malloc(100);
    EXPECT_REPORT("cairn_free_sized", p,
                  "an object of %zu usable bytes was called one of %zu; give the size that it was "
                  "allocated with",
                  documented_class(100), (size_t)113);
    cairn_free_sized(p, 113);
    return 0;
}
