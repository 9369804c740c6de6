/* Slabs whose objects are all free go back; what pointed into them points nowhere. */
#include "death.h"

int main(void) {
    enum { COUNT = 100000 };
    static void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = object_of(64);
    }
    for (size_t i = 0; i < COUNT; i++) {
        free(p[i]);
    }
    (void)malloc_trim(0);
    EXPECT_REPORT("free", p[COUNT / 2], RELEASED);
    free(p[COUNT / 2]);
    return 0;
}
