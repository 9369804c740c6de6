/* main returns while other threads allocate and free: the process ends, at once and without a
 * crash. */
#include <sched.h>
#include <sys/wait.h>

#include "threads.h"

enum { THREADS = 4, EXITS = 60 };

static atomic_uint running;

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 5;
    atomic_fetch_add(&running, 1);
    for (;;) {
        tagged_delete(tagged_new(&random, 100 * KIB));
    }
    return NULL;
}

int main(void) {
    for (unsigned i = 0; i < EXITS; i++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            alarm(20);
            for (uintptr_t t = 0; t < THREADS; t++) {
                start_thread(work, (void *)t);
            }
            while (atomic_load(&running) < THREADS) {
                sched_yield();
            }
            exit(0);
        }
        int status = 0;
        EXPECT(waitpid(child, &status, 0) == child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            FAIL("a child ended with wait status %d", status);
        }
    }
    return 0;
}
