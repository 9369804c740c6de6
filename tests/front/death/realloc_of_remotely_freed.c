// Another thread freed the object that its owner now wants to grow.
#include "threads.h"

#include "death.h"

static void *free_once(void *p) {
    free(p);
    return NULL;
}

int main(void) {
    void *p = object_of(80);
    run_thread(free_once, p);
    EXPECT_REPORT("realloc", p, USE_AFTER_FREE, documented_class(80));
    opaque(realloc(opaque(p), opaque_size(81)));
    return 0;
}
