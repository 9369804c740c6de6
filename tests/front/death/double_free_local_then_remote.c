// The owner frees the object; then another thread does.
#include "threads.h"

#include "death.h"

static void *free_again(void *p) {
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(p);
    return NULL;
}

int main(void) {
    void *p = object_of(80);
    free(p);
    run_thread(free_again, opaque(p));
    return 0;
}
