/* The thread that allocated the object is gone; its slab lives on and still knows what is free. */
#include "threads.h"

#include "death.h"

static void *objects[8];

static void *allocate(void *unused) {
    for (size_t i = 0; i < 8; i++) {
        objects[i] = object_of(120);
    }
    return unused;
}

int main(void) {
    struct prepared_thread allocate_thread;
    prepare_thread(&allocate_thread, allocate);
    run_prepared(&allocate_thread, NULL);
    void *p = objects[3];
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(120));
    free(opaque(p));
    return 0;
}
