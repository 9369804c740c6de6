/* fork while other threads allocate, 200 times or as often as the argument says. The child has one
 * thread and the whole heap: it allocates, frees what other threads of the parent allocated, starts
 * threads of its own, forks again, and ends. The parent and its threads go on undisturbed. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "threads.h"

enum { THREADS = 6, SLOTS = 512, KEPT = 64 };

static _Atomic(struct tagged *) slots[SLOTS];
static struct tagged *kept[THREADS][KEPT];
static atomic_uint ready;
static atomic_bool finished;

static void *be_busy(void *argument) {
    size_t self = (size_t)argument;
    uint64_t random = self + 1;
    for (size_t i = 0; i < KEPT; i++) {
        kept[self][i] = tagged_new(&random, 100 * KIB);
    }
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&finished)) {
        struct tagged *other =
            atomic_exchange(&slots[random_next(&random) % SLOTS], tagged_new(&random, 40 * KIB));
        if (other != NULL) {
            tagged_delete(other);
        }
        if (random_next(&random) % 1000 == 0) {
            (void)malloc_trim(0);
        }
    }
    return NULL;
}

static void *work_in_child(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 77;
    struct tagged *own[50];
    for (size_t i = 0; i < 50; i++) {
        own[i] = tagged_new(&random, 40 * KIB);
    }
    for (size_t i = 0; i < KEPT; i++) {
        tagged_delete(kept[1][i]); /* of a thread that does not exist here */
    }
    for (size_t i = 0; i < 50; i++) {
        tagged_delete(own[i]);
    }
    return NULL;
}

static void await(pid_t child) {
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        FAIL("a child ended with wait status %d", status);
    }
}

static void be_child(unsigned number) {
    alarm(60);
    uint64_t random = number + 1;
    for (size_t i = 0; i < 300; i++) {
        tagged_delete(tagged_new(&random, 400 * KIB));
    }
    for (size_t i = 0; i < KEPT; i++) {
        tagged_delete(kept[0][i]);
    }
    /* Objects that were being handed over when the fork came are whole and can be freed here. */
    for (size_t i = 0; i < SLOTS; i++) {
        struct tagged *p = atomic_exchange(&slots[i], NULL);
        if (p != NULL) {
            tagged_delete(p);
        }
    }
    pthread_t threads[2];
    threads[0] = start_thread(work_in_child, (void *)0);
    join_thread(threads[0]);
    if (number % 8 == 0) {
        pid_t grandchild = fork();
        EXPECT(grandchild >= 0);
        if (grandchild == 0) {
            for (size_t i = 0; i < KEPT; i++) {
                tagged_delete(kept[2][i]);
            }
            exit(0);
        }
        await(grandchild);
    }
    (void)malloc_trim(0);
    if (number % 2 == 0) {
        exit(0);
    }
    _exit(0);
}

int main(int count, char **arguments) {
    unsigned long forks = count > 1 ? strtoul(arguments[1], NULL, 10) : 200;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = start_thread(be_busy, (void *)i);
    }
    while (atomic_load(&ready) < THREADS) {
        sched_yield();
    }
    for (unsigned i = 0; i < forks; i++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            be_child(i);
        }
        await(child);
    }
    atomic_store(&finished, true);
    for (size_t i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
        for (size_t k = 0; k < KEPT; k++) {
            tagged_delete(kept[i][k]);
        }
    }
    return 0;
}
