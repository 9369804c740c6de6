/* Sized delete, which is what a compiler emits for a complete type. */
#include <new>

#include "death.h"

int main(void) {
    void *p = ::operator new(40);
    ::operator delete (opaque(p), size_t{40});
    EXPECT_REPORT("delete", p, DOUBLE_FREE, documented_class(40));
    ::operator delete (opaque(p), size_t{40});
    return 0;
}
