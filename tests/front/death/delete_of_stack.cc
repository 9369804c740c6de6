/* delete of a local variable. */
#include <new>

#include "death.h"

int main(void) {
    char local[64];
    void *p = opaque(local);
    EXPECT_REPORT("delete", p, FOREIGN);
    ::operator delete(p);
    return 0;
}
