// Another thread freed the object that its owner now asks about.
#include "threads.h"

#include "death.h"

static void *free_once(void *p) {
    free(p);
    return NULL;
}

int main(void) {
    void *p = object_of(80);
    run_thread(free_once, p);
    EXPECT_REPORT("malloc_usable_size", p, USE_AFTER_FREE, documented_class(80));
    say(2, "usable size %zu\n", malloc_usable_size(opaque(p)));
    return 0;
}
