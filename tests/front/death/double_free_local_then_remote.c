/* The owner frees the object; then another thread does. */
#include "threads.h"

#include "death.h"

static void *free_again(void *p) {
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(p);
    return NULL;
}

int main(void) {
    struct prepared_thread free_again_thread;
    prepare_thread(&free_again_thread, free_again);
    void *p = object_of(80);
    free(p);
    run_prepared(&free_again_thread, opaque(p));
    return 0;
}
