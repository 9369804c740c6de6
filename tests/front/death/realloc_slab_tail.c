/* The same through realloc. */
#include "slab_tail.h"

#include "death.h"

int main(void) {
    size_t class = 0;
    void *p = opaque(find_slab_tail(&class));
    EXPECT_REPORT("realloc", p, SLAB_TAIL, class);
    opaque(realloc(p, opaque_size(10)));
    return 0;
}
