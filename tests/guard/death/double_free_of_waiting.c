/* A second free of an object that waits to be free. */
#include "profile.h"

int main(void) {
    void *p = object_of(100);
    free(p);
    for (size_t i = 0; i < 20; i++) {
        free(object_of(100));
    }
    if (is_debug()) {
        EXPECT_REPORT("free", p, "double free of an object of 100 bytes");
    } else {
        EXPECT_REPORT("free", p, DOUBLE_FREE, guarded_class(100));
    }
    free(p);
    return 0;
}
