/* An array of objects with destructors has its count in front: delete instead of delete[] meets
 * the middle. */
#include <new>

#include "death.h"

int main(void) {
    char *p = static_cast<char *>(::operator new(80));
    void *q = at_offset(p, 8);
    EXPECT_REPORT("delete", q, INTERIOR, size_t{8}, documented_class(80),
                  static_cast<unsigned long>(address(p)));
    ::operator delete(q);
    return 0;
}
