/* A local variable of another thread: its stack lies among the mappings. */
#include <pthread.h>

#include "death.h"

static void *work(void *unused) {
    char local[64];
    void *p = opaque(local);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return unused;
}

int main(void) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, work, NULL) == 0);
    pthread_join(thread, NULL);
    return 0;
}
