/* The bytes behind the last object of a slab belong to nobody. */
#include "slab_tail.h"

#include "death.h"

int main(void) {
    size_t class = 0;
    void *p = opaque(find_slab_tail(&class));
    EXPECT_REPORT("free", p, SLAB_TAIL, class);
    free(p);
    return 0;
}
