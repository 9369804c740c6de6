/* A batch that another thread frees contains an object twice. */
#include <cairn/cairn.h>
#include <pthread.h>

#include "front/death/death.h"

enum { COUNT = 64 };

static void *free_all(void *batch) {
    EXPECT_REPORT("cairn_free_batch", ((void **)batch)[7], DOUBLE_FREE, documented_class(64));
    cairn_free_batch(batch, COUNT);
    return NULL;
}

int main(void) {
    static void *batch[COUNT];
    EXPECT(cairn_malloc_batch(64, COUNT, batch) == COUNT);
    batch[COUNT - 1] = batch[7];
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, free_all, batch) == 0);
    (void)pthread_join(thread, NULL);
    return 0;
}
