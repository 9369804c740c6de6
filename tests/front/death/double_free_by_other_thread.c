/* Another thread frees an object of this one twice. */
#include "threads.h"

#include "death.h"

static void *free_twice(void *p) {
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(opaque(p));
    return NULL;
}

int main(void) {
    struct prepared_thread free_twice_thread;
    prepare_thread(&free_twice_thread, free_twice);
    void *p = object_of(80);
    run_prepared(&free_twice_thread, p);
    return 0;
}
