// A large object is freed by its owner and by another thread.
#include "threads.h"

#include "death.h"

static void *free_again(void *p) {
    EXPECT_REPORT("free", p, RELEASED);
    free(p);
    return NULL;
}

int main(void) {
    void *p = object_of(4 * MIB);
    free(p);
    run_thread(free_again, opaque(p));
    return 0;
}
