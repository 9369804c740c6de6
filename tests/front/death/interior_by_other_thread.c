// Another thread frees a pointer into an object of this one.
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
    object = object_of(256);
    run_thread(free_inside, object);
    return 0;
}
