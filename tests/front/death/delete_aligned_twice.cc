/* Aligned delete of an object that is deleted. */
#include <new>

#include "death.h"

int main(void) {
    void *p = ::operator new (128, std::align_val_t{128});
    ::operator delete (opaque(p), std::align_val_t{128});
    EXPECT_REPORT("delete", p, DOUBLE_FREE, documented_class(128));
    ::operator delete (opaque(p), std::align_val_t{128});
    return 0;
}
