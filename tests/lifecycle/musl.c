/* A static program of musl with the library inside: threads, fork, and musl's own use of malloc. */
#include <errno.h>
#include <sys/wait.h>

#include "threads.h"

enum { THREADS = 4, ROUNDS = 20000, ROUNDS_IN_CHILD = 1000, SLOTS = 256 };

static _Atomic(struct tagged *) slots[SLOTS];
static unsigned rounds = ROUNDS;

static void *work(void *argument) {
    uint64_t random = 1 + (uint64_t)(uintptr_t)argument;
    for (unsigned i = 0; i < rounds; i++) {
        struct tagged *other =
            atomic_exchange(&slots[random_next(&random) % SLOTS], tagged_new(&random, 300 * KIB));
        if (other != NULL) {
            tagged_delete(other);
        }
    }
    return NULL;
}

static void run_threads(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = start_thread(work, (void *)i);
    }
    for (size_t i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
    }
}

static void run_children(void) {
    for (unsigned i = 0; i < 20; i++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            alarm(60);
            rounds = ROUNDS_IN_CHILD;
            run_threads();
            exit(0);
        }
        int status = 0;
        EXPECT(waitpid(child, &status, 0) == child && status == 0);
    }
}

int main(void) {
    void *p = malloc(1000);
    EXPECT(malloc_usable_size(p) == documented_class(1000)); /* musl's own would grant 1000 or so */
    free(p);
    char *text = NULL;
    EXPECT(asprintf(&text, "%0999d", 7) == 999);
    size_t usable = malloc_usable_size(text);
    EXPECT(usable >= 1000 && usable == documented_class(usable));
    free(text);
    EXPECT(posix_memalign(&p, 65536, 100) == 0 && address(p) % 65536 == 0);
    free(p);
    free(aligned_alloc(64, 100));
    free(memalign(4096, 100));
    errno = 0;
    EXPECT(malloc(opaque_size(SIZE_MAX)) == NULL && errno == ENOMEM);
    run_threads();
    run_children();
    say(1, "musl: all is well\n");
    return 0;
}
