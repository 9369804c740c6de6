/* Another thread frees a pointer into an object of this one. */
#include "threads.h"

#include "death.h"

static void *object;

static void *free_inside(void *p) {
    void *q = at_offset(p, 64);
    EXPECT_REPORT("free", q, INTERIOR, (size_t)64, documented_class(256),
                  (unsigned long)address(object));
    free(q);
    return NULL;
}

int main(void) {
    struct prepared_thread free_inside_thread;
    prepare_thread(&free_inside_thread, free_inside);
    object = object_of(256);
    run_prepared(&free_inside_thread, object);
    return 0;
}
