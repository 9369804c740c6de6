/* Threads that are cancelled while they allocate: wherever the cancellation is delivered, the heap
 * stays whole and the functions of the heap are not left half done. */
#include "threads.h"

enum { ROUNDS = 300, THREADS = 4 };

static void release(void *p) { tagged_delete((struct tagged *)p); }

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 5;
    for (;;) {
        struct tagged *p = tagged_new(&random, 60 * KIB);
        pthread_cleanup_push(release, p);
        pthread_testcancel();
        pthread_cleanup_pop(1);
        if (random_next(&random) % 200 == 0) {
            malloc_stats(); /* writes, and write is a cancellation point */
        }
    }
    return NULL;
}

int main(void) {
    EXPECT(freopen("/dev/null", "w", stderr) != NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        for (uintptr_t i = 0; i < THREADS; i++) {
            threads[i] = start_thread(work, (void *)(i + round));
        }
        usleep(round % 3 * 300);
        for (size_t i = 0; i < THREADS; i++) {
            EXPECT(pthread_cancel(threads[i]) == 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            void *result = NULL;
            EXPECT(pthread_join(threads[i], &result) == 0 && result == PTHREAD_CANCELED);
        }
    }
    uint64_t random = 3;
    for (size_t i = 0; i < 10000; i++) {
        tagged_delete(tagged_new(&random, 60 * KIB));
    }
    return 0;
}
