/* Another thread freed the object that its owner now asks about. */
#include "threads.h"

#include "death.h"

static void *free_once(void *p) {
    free(p);
    return NULL;
}

int main(void) {
    struct prepared_thread free_once_thread;
    prepare_thread(&free_once_thread, free_once);
    void *p = object_of(80);
    run_prepared(&free_once_thread, p);
    EXPECT_REPORT("malloc_usable_size", p, USE_AFTER_FREE, documented_class(80));
    say(2, "usable size %zu\n", malloc_usable_size(opaque(p)));
    return 0;
}
