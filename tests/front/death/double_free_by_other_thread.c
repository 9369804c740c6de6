// Another thread frees an object of this one twice.
#include "threads.h"

#include "death.h"

static void *free_twice(void *p) {
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(opaque(p));
    return NULL;
}

int main(void) {
    void *p = object_of(80);
    run_thread(free_twice, p);
    return 0;
}
