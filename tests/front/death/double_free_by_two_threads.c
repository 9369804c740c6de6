/* Two other threads free the object, one after the other. */
#include "threads.h"

#include "death.h"

static void *free_once(void *p) {
    free(p);
    return NULL;
}

static void *free_again(void *p) {
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(p);
    return NULL;
}

int main(void) {
    struct prepared_thread free_once_thread;
    struct prepared_thread free_again_thread;
    prepare_thread(&free_once_thread, free_once);
    prepare_thread(&free_again_thread, free_again);
    void *p = object_of(80);
    run_prepared(&free_once_thread, p);
    run_prepared(&free_again_thread, opaque(p));
    return 0;
}
