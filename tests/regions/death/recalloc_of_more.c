/* More elements than the object can have had. */
#include <cairn/cairn.h>

#include "front/death/death.h"

int main(void) {
    void *p = cairn_calloc(10, 10);
    EXPECT_REPORT("cairn_recalloc", p,
                  "an object of %zu usable bytes was called one of %zu; give the size that it was "
                  "allocated with",
                  documented_class(100), (size_t)120);
    p = cairn_recalloc(p, 12, 20, 10);
    EXPECT(p != NULL);
    return 0;
}
