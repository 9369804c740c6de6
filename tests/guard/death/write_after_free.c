/* A write to an object after its free, found when the object comes again. */
#include "profile.h"

int main(void) {
    static char *others[4000];
    char *p = object_of(100);
    free(p);
    if (is_debug()) {
        EXPECT_REPORT("malloc", p, AFTER_FREE "%zu bytes" AFTER_FREE_2, (size_t)100, (size_t)50);
    } else {
        EXPECT_REPORT("malloc", p, AFTER_FREE "size class %zu" AFTER_FREE_2, guarded_class(100),
                      (size_t)50);
    }
    p[50] = 1;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 4000; i++) {
            others[i] = object_of(100);
        }
        for (size_t i = 0; i < 3999; i++) { /* the slab keeps one that is live */
            free(others[i]);
        }
    }
    return 0;
}
