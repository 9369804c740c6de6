/* A large object is freed by its owner and by another thread. */
#include "threads.h"

#include "death.h"

static void *free_again(void *p) {
    EXPECT_REPORT("free", p, RELEASED);
    free(p);
    return NULL;
}

int main(void) {
    struct prepared_thread free_again_thread;
    prepare_thread(&free_again_thread, free_again);
    void *p = object_of(4 * MIB);
    free(p);
    run_prepared(&free_again_thread, opaque(p));
    return 0;
}
