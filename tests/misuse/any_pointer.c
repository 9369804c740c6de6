/* free, realloc and malloc_usable_size with any pointer whatsoever.
 *
 *   any_pointer SECONDS [SEED]
 *
 * A heap is built with objects of all sizes and of several threads, some of them freed; then cases
 * are made up, each in a child process: a function and a pointer, which is random, or near an
 * object, or inside one, or one's start.  What must come of it is known: if the pointer is a live
 * object's, the call succeeds and the heap is sound afterwards; if not, the child ends by SIGABRT
 * with one report on stderr.  Which of both says cairn_is_mine(), whose answer is itself compared
 * with what the program knows of its own objects.  A child that takes seconds hangs. */
#include <dlfcn.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "support/testkit.h"

enum { THREADS = 3, OBJECTS = 120, CHILD_SECONDS = 20, LEAST_CASES = 500 };

enum state { LIVE, FREED };

static struct {
    char *start;
    size_t size;
    enum state state;
} objects[(THREADS + 1) * OBJECTS];

enum { OBJECT_COUNT = sizeof objects / sizeof *objects };

static uint64_t random_state;
static bool (*is_mine)(const void *);
static pthread_barrier_t barrier;

static size_t below(size_t limit) { return (size_t)(random_next(&random_state) % limit); }

/* --- the heap --------------------------------------------------------------------------------- */

static size_t some_size(uint64_t *state) {
    static const size_t limits[] = {16, 128, 2 * KIB, 16 * KIB, 64 * KIB, 3 * MIB};
    size_t limit = limits[random_next(state) % (sizeof limits / sizeof *limits)];
    return (size_t)(random_next(state) % limit);
}

static void fill(size_t first, uint64_t seed) {
    for (size_t i = first; i < first + OBJECTS; i++) {
        objects[i].size = some_size(&seed);
        objects[i].start = malloc(objects[i].size);
        objects[i].state = LIVE;
        EXPECT(objects[i].start != NULL);
        pattern_fill(objects[i].start, objects[i].size < 64 ? objects[i].size : 64, i);
    }
}

static void free_some(size_t first, uint64_t seed) {
    for (size_t i = first; i < first + OBJECTS; i++) {
        if (random_next(&seed) % 3 == 0) {
            objects[i].state = FREED;
            free(objects[i].start);
        }
    }
}

/* A thread stays until the end, so that its heap has an owner; each frees of its own and, where the
 * one before it has, of that one's. */
static void *work(void *number) {
    size_t first = (size_t)(uintptr_t)number * OBJECTS;
    fill(first, 1 + first);
    pthread_barrier_wait(&barrier);
    free_some(first, 2 + first);
    pthread_barrier_wait(&barrier);
    for (;;) {
        pause();
    }
    return NULL;
}

static void build_heap(void) {
    EXPECT(pthread_barrier_init(&barrier, NULL, THREADS + 1) == 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, work, (void *)i) == 0);
    }
    fill(THREADS * OBJECTS, random_next(&random_state));
    pthread_barrier_wait(&barrier);
    free_some(THREADS * OBJECTS, random_next(&random_state));
    pthread_barrier_wait(&barrier);
    /* Remote frees too. */
    for (size_t i = 0; i < THREADS * OBJECTS; i += 7) {
        if (objects[i].state == LIVE) {
            objects[i].state = FREED;
            free(objects[i].start);
        }
    }
}

/* --- cases ------------------------------------------------------------------------------------ */

enum function { FREE, REALLOC, REALLOC_TO_ZERO, USABLE_SIZE, FUNCTIONS };

static const char *const function_names[] = {"free", "realloc", "realloc to 0",
                                             "malloc_usable_size"};

struct test_case {
    enum function function;
    char *pointer;
    bool by_thread;
};

static char *near(size_t object) {
    static const ptrdiff_t steps[] = {1, 2, 4, 8, 16, 32, 64, 4096, 32768, 2097152};
    ptrdiff_t step = steps[below(sizeof steps / sizeof *steps)] * (ptrdiff_t)(1 + below(4));
    char *start = objects[object].start;
    return below(2) == 0 ? start + step : start - step;
}

/* Bits of a pointer flip, as they do when something has overwritten it. */
static char *flipped(char *pointer) {
    uintptr_t flip = (uintptr_t)1 << below(64);
    return (char *)(address(pointer) ^ flip ^ (below(2) == 0 ? (uintptr_t)1 << below(48) : 0));
}

static char *some_pointer(void) {
    static char in_data[256];
    char on_stack[64];
    size_t object = below(OBJECT_COUNT);
    switch (below(10)) {
    case 0:
        return (char *)(uintptr_t)random_next(&random_state);
    case 1: /* a user's address */
        return (char *)(uintptr_t)(random_next(&random_state) >> 17);
    case 2:
        return in_data + below(sizeof in_data);
    case 3:
        return opaque(on_stack + below(sizeof on_stack));
    case 4:
        return flipped(objects[object].start);
    case 5:
        return objects[object].start + below(objects[object].size + 1);
    case 6:
    case 7:
        return near(object);
    default:
        return objects[object].start;
    }
}

/* --- the child -------------------------------------------------------------------------------- */

/* Of an object of the program's own; 0 of another's. */
static size_t size_asked(const char *pointer) {
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (objects[i].state == LIVE && objects[i].start == pointer) {
            return objects[i].size;
        }
    }
    return 0;
}

static void call(const struct test_case *test) {
    void *pointer = opaque(test->pointer);
    switch (test->function) {
    case FREE:
        free(pointer);
        break;
    case REALLOC:
        EXPECT(realloc(pointer, 5000) != NULL);
        break;
    case REALLOC_TO_ZERO:
        EXPECT(realloc(pointer, opaque_size(0)) == NULL);
        break;
    case USABLE_SIZE:
        EXPECT(malloc_usable_size(pointer) >= size_asked(test->pointer));
        break;
    case FUNCTIONS:
        break;
    }
}

static void *call_in_thread(void *test) {
    call((const struct test_case *)test);
    return NULL;
}

/* New objects overlap none of those that live, and what is in these stays. */
static void check_heap(const char *but) {
    enum { NEW = 60 };
    static char *new[NEW];
    static size_t sizes[NEW];
    uint64_t seed = 5;
    for (size_t i = 0; i < NEW; i++) {
        sizes[i] = some_size(&seed) % (20 * KIB);
        new[i] = malloc(sizes[i]);
        EXPECT(new[i] != NULL);
        memset(new[i], 0xa5, sizes[i]);
    }
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (objects[i].state == LIVE && objects[i].start != but) {
            EXPECT(pattern_holds(objects[i].start, objects[i].size < 64 ? objects[i].size : 64, i));
        }
    }
    for (size_t i = 0; i < NEW; i++) {
        free(new[i]);
    }
}

static _Noreturn void child(const struct test_case *test, int err) {
    static const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)dup2(err, 2);
    (void)alarm(CHILD_SECONDS);
    if (test->by_thread) {
        pthread_t thread;
        struct test_case copy = *test;
        EXPECT(pthread_create(&thread, NULL, call_in_thread, &copy) == 0);
        EXPECT(pthread_join(thread, NULL) == 0);
    } else {
        call(test);
    }
    check_heap(test->pointer);
    _exit(0);
}

/* --- the judgement ---------------------------------------------------------------------------- */

/* A sentence of cairn's, and behind it whole lines that are indented. */
static bool is_one_report(const char *text, size_t length) {
    const char *end = memchr(text, '\n', length);
    if (end == NULL || strncmp(text, "cairn: ", 7) != 0) {
        return false;
    }
    for (const char *line = end + 1; line < text + length; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + length - line));
        if (end == NULL || strncmp(line, "  ", 2) != 0) {
            return false;
        }
    }
    return true;
}

/* What the program itself knows: 1 a live object of its own, 0 none, -1 cannot say. */
static int known(const char *pointer) {
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (objects[i].state == LIVE && pointer == objects[i].start) {
            return 1;
        }
    }
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (objects[i].state == LIVE && pointer > objects[i].start &&
            pointer < objects[i].start + objects[i].size) {
            return 0;
        }
    }
    return -1;
}

static void judge(const struct test_case *test, bool live, int status, const char *text,
                  size_t length) {
    bool survived = WIFEXITED(status) && WEXITSTATUS(status) == 0 && length == 0;
    bool reported =
        WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && is_one_report(text, length);
    if (live ? !survived : !reported) {
        FAIL("%s(%p)%s, %s: %s %d, stderr: %.*s", function_names[test->function],
             (void *)test->pointer, test->by_thread ? " in a thread" : "",
             live ? "a live object" : "no object", WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (int)length, text);
    }
}

static bool run_case(const struct test_case *test) {
    bool live = is_mine(test->pointer);
    int is_known = known(test->pointer);
    if (is_known >= 0 && live != (is_known == 1)) {
        FAIL("cairn_is_mine(%p) is wrong", (void *)test->pointer);
    }
    int streams[2];
    EXPECT(pipe(streams) == 0);
    pid_t pid = fork();
    EXPECT(pid >= 0);
    if (pid == 0) {
        child(test, streams[1]);
    }
    close(streams[1]);
    char text[4096];
    size_t length = 0;
    for (ssize_t n = 1; n > 0 && length<sizeof text; length += n> 0 ? (size_t)n : 0) {
        n = read(streams[0], text + length, sizeof text - length);
    }
    close(streams[0]);
    int status = 0;
    EXPECT(waitpid(pid, &status, 0) == pid);
    judge(test, live, status, text, length);
    return live;
}

int main(int count, char **arguments) {
    time_t seconds = count > 1 ? (time_t)strtoull(arguments[1], NULL, 10) : 10;
    uint64_t seed = count > 2 ? (uint64_t)strtoull(arguments[2], NULL, 10) : (uint64_t)getpid();
    void *function = dlsym(RTLD_DEFAULT, "cairn_is_mine");
    EXPECT(function != NULL);
    memcpy(&is_mine, &function, sizeof is_mine);
    random_state = seed * 2 + 1;
    build_heap();
    say(1, "seed %llu\n", (unsigned long long)seed);
    size_t cases = 0;
    size_t live = 0;
    for (time_t end = time(NULL) + seconds; cases < LEAST_CASES || time(NULL) < end; cases++) {
        struct test_case test = {(enum function)below(FUNCTIONS), some_pointer(), below(8) == 0};
        /* NULL is right for all of them. */
        if (test.pointer != NULL) {
            live += run_case(&test);
        }
    }
    say(1, "%zu cases, %zu of them with a live object\n", cases, live);
    EXPECT(live > cases / 20 && live < cases);
    return 0;
}
