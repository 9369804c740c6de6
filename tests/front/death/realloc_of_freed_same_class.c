/* realloc of a free object to a size that would fit: nothing has to be done, but the object is
 * still not alive. */
#include "death.h"

int main(void) {
    void *p = object_of(50);
    free(p);
    EXPECT_REPORT("realloc", p, USE_AFTER_FREE, documented_class(50));
    opaque(realloc(p, opaque_size(51)));
    return 0;
}
