// Another thread frees the object; then its owner does.
#include "threads.h"

#include "death.h"

static void *free_once(void *p) {
    free(p);
    return NULL;
}

int main(void) {
    void *p = object_of(80);
    run_thread(free_once, p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(80));
    free(opaque(p));
    return 0;
}
