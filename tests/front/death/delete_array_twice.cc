/* delete[] of an array that is deleted. */
#include <new>

#include "death.h"

int main(void) {
    void *p = ::operator new[](400);
    ::operator delete[](opaque(p));
    EXPECT_REPORT("delete[]", p, DOUBLE_FREE, documented_class(400));
    ::operator delete[](opaque(p));
    return 0;
}
