/* Another thread frees the object; then its owner does. */
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
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(opaque(p));
    return 0;
}
