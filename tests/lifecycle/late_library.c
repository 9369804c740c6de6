#include "late_library.h"

static void *kept_small;
static void *kept_large;

void late_library_keep(void *small, void *large) {
    kept_small = small;
    kept_large = large;
}

__attribute__((destructor(101))) static void destruct(void) {
    EXPECT(kept_small != NULL && kept_large != NULL);
    free(kept_small);
    free(kept_large);
    for (size_t i = 0; i < 1000; i++) {
        void *p = malloc(i * 100);
        EXPECT(p != NULL);
        free(p);
    }
    say(1, "the destructor of the library ran\n");
}
