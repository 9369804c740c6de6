/* Ways to a new process that run no fork handlers: _Fork, vfork, posix_spawn and clone without
 * flags. With one thread the child of _Fork has a whole heap and may do everything; with several it
 * may do what is async-signal-safe, which malloc is not, but its parent must not notice. */
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "threads.h"

extern char **environ;

enum { OBJECTS = 500, RAW_FORKS = 50 };

static struct tagged *before[OBJECTS];
static atomic_bool finished;

static void await(pid_t child) {
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        FAIL("a child ended with wait status %d", status);
    }
}

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 5;
    while (!atomic_load(&finished)) {
        tagged_delete(tagged_new(&random, 40 * KIB));
    }
    return NULL;
}

static void *allocate_a_little(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 5;
    for (size_t i = 0; i < 1000; i++) {
        tagged_delete(tagged_new(&random, 40 * KIB));
    }
    return NULL;
}

static void be_child_of_single_threaded(void) {
    alarm(30);
    for (size_t i = 0; i < OBJECTS; i++) {
        tagged_delete(before[i]);
    }
    pthread_t thread = start_thread(allocate_a_little, NULL);
    allocate_a_little(NULL);
    join_thread(thread);
    _exit(0);
}

static void single_threaded(void) {
    uint64_t random = 99;
    for (size_t i = 0; i < OBJECTS; i++) {
        before[i] = tagged_new(&random, 100 * KIB);
    }
    for (unsigned i = 0; i < RAW_FORKS; i++) {
        pid_t child = _Fork();
        EXPECT(child >= 0);
        if (child == 0) {
            be_child_of_single_threaded();
        }
        await(child);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        tagged_delete(before[i]);
    }
}

static void spawn_true(void) {
    static char name[] = "true";
    char *const command[] = {name, NULL};
    pid_t child = 0;
    EXPECT(posix_spawnp(&child, name, NULL, NULL, command, environ) == 0);
    await(child);
}

static void several_threads(void) {
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        threads[i] = start_thread(work, (void *)i);
    }
    for (unsigned i = 0; i < RAW_FORKS; i++) {
        pid_t child = _Fork();
        EXPECT(child >= 0);
        if (child == 0) {
            _exit(0);
        }
        await(child);
        child = vfork();
        EXPECT(child >= 0);
        if (child == 0) {
            _exit(0);
        }
        await(child);
        spawn_true();
    }
    EXPECT(system("exit 0") == 0);
    atomic_store(&finished, true);
    for (size_t i = 0; i < 4; i++) {
        join_thread(threads[i]);
    }
}

int main(void) {
    single_threaded();
    several_threads();
    return 0;
}
