/* A write to an object after its free, found when the object comes again. */
#include "profile.h"

int main(void) {
    enum { COUNT = 4000 };
    static char *neighbours[COUNT], *others[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        neighbours[i] = object_of(100); /* they stay, so that no slab goes back before */
    }
    char *p = opaque(neighbours[COUNT / 2]);
    free(p);
    if (is_debug()) {
        EXPECT_REPORT("malloc", p, AFTER_FREE "%zu bytes" AFTER_FREE_2, (size_t)100, (size_t)50);
    } else {
        EXPECT_REPORT("malloc", p, AFTER_FREE "size class %zu" AFTER_FREE_2, guarded_class(100),
                      (size_t)50);
    }
    p[50] = 1;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            others[i] = object_of(100);
        }
        for (size_t i = 0; i < COUNT; i++) {
            free(others[i]);
        }
    }
    return 0;
}
