/* Signals arrive all the time while threads allocate. The handlers do not allocate, but they
 * interrupt the allocator anywhere, its system calls included. */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "threads.h"

enum { THREADS = 4, ROUNDS = 60000 };

static atomic_uint delivered;
static atomic_bool finished;

static void handle(int number) {
    int kept = errno;
    char use_of_stack[2000];
    memset(use_of_stack, number, sizeof use_of_stack);
    opaque(use_of_stack);
    atomic_fetch_add(&delivered, 1);
    errno = kept;
}

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 5;
    struct tagged *kept[64] = {NULL};
    for (size_t i = 0; i < ROUNDS; i++) {
        struct tagged **slot = &kept[random_next(&random) % 64];
        if (*slot != NULL) {
            tagged_delete(*slot);
        }
        *slot = tagged_new(&random, 200 * KIB);
        if (i % 5000 == 0) {
            (void)malloc_trim(0);
        }
    }
    for (size_t i = 0; i < 64; i++) {
        if (kept[i] != NULL) {
            tagged_delete(kept[i]);
        }
    }
    return NULL;
}

static pthread_t workers[THREADS];

static void *disturb(void *unused) {
    for (size_t i = 0; !atomic_load(&finished); i++) {
        pthread_kill(workers[i % THREADS], SIGUSR1);
        usleep(50);
    }
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler =
                                   handle}; /* no SA_RESTART: system calls are interrupted */
    EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    struct itimerval every_millisecond = {{0, 1000}, {0, 1000}};
    EXPECT(setitimer(ITIMER_REAL, &every_millisecond, NULL) == 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        workers[i] = start_thread(work, (void *)i);
    }
    pthread_t disturber = start_thread(disturb, NULL);
    /* The workers are joined only when nobody sends them signals any more. */
    usleep(500 * 1000);
    atomic_store(&finished, true);
    while (pthread_join(disturber, NULL) != 0) {}
    for (size_t i = 0; i < THREADS; i++) {
        join_thread(workers[i]);
    }
    say(1, "%u signals\n", atomic_load(&delivered));
    EXPECT(atomic_load(&delivered) > 100);
    return 0;
}
