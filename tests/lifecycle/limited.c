/* Memory runs out: under a limit on the address space or on data, the program gets ENOMEM, keeps
 * what it has, and goes on when something is freed. The limit is there from the program's very
 * start.
 *
 *   limited as|data KILOBYTES */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "threads.h"

enum { THREADS = 4 };

/* Objects hang in a list, so that the test needs no memory of its own. */
struct link {
    struct link *next;
    size_t size;
};

static struct link *push(struct link *list, size_t size) {
    struct link *link = (struct link *)malloc(size);
    if (link == NULL) {
        return NULL;
    }
    link->next = list;
    link->size = size;
    pattern_fill(link + 1, size - sizeof *link, size);
    return link;
}

static struct link *pop(struct link *list) {
    struct link *next = list->next;
    EXPECT(pattern_holds(list + 1, list->size - sizeof *list, list->size));
    free(list);
    return next;
}

/* Allocate until there is no more; every failure must say ENOMEM. */
static struct link *exhaust(uint64_t seed, size_t largest, size_t *total) {
    struct link *list = NULL;
    for (;;) {
        size_t size = sizeof *list + (size_t)(random_next(&seed) >> 20) % largest;
        errno = 0;
        struct link *longer = push(list, size);
        if (longer == NULL) {
            EXPECT(errno == ENOMEM);
            return list;
        }
        list = longer;
        *total += size;
    }
}

static void release(struct link *list) {
    while (list != NULL) {
        list = pop(list);
    }
}

static void exhaust_and_go_on(size_t largest, size_t limit, size_t least) {
    size_t total = 0;
    struct link *list = exhaust(largest, largest, &total);
    say(1, "objects to %zu bytes: %zu of %zu bytes\n", largest, total, limit);
    EXPECT(total >= least);
    for (size_t freed = 0; freed < total / 2;) {
        freed += list->size;
        list = pop(list);
    }
    size_t again = 0;
    struct link *more = exhaust(largest, largest, &again);
    EXPECT(again >= total / 3);
    release(more);
    release(list);
    (void)malloc_trim(0);
}

static void one_large(size_t size) {
    char *p = (char *)malloc(size);
    EXPECT(p != NULL);
    memset(p, 1, size);
    errno = 0;
    EXPECT(realloc(opaque(p), size * 8) == NULL && errno == ENOMEM);
    EXPECT(p[size - 1] == 1);
    free(p);
    errno = 0;
    EXPECT(calloc(8, size) == NULL && errno == ENOMEM);
}

/* The threads get their stacks before memory runs out, and wait for their turn. */
static pthread_barrier_t turn_of_threads;

static void *exhaust_in_thread(void *argument) {
    uint64_t seed = (uint64_t)(uintptr_t)argument + 1;
    pthread_barrier_wait(&turn_of_threads);
    for (unsigned round = 0; round < 3; round++) {
        size_t total = 0;
        release(exhaust(seed + round, 5000, &total));
    }
    return NULL;
}

static void run_limited(size_t limit) {
    pthread_t threads[THREADS];
    EXPECT(pthread_barrier_init(&turn_of_threads, NULL, THREADS + 1) == 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = start_thread(exhaust_in_thread, (void *)i);
    }
    exhaust_and_go_on(200, limit, limit / 2);
    exhaust_and_go_on(30000, limit, limit / 2);
    exhaust_and_go_on(2 * MIB, limit, limit / 3);
    one_large(limit / 8);
    pthread_barrier_wait(&turn_of_threads);
    for (size_t i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
    }
    exhaust_and_go_on(500, limit, limit / 2);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        exhaust_and_go_on(500, limit, limit / 2);
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments) {
    EXPECT(count >= 3);
    size_t limit = (size_t)strtoull(arguments[2], NULL, 10) * KIB;
    if (count > 3) {
        run_limited(limit);
        return 0;
    }
    struct rlimit both = {limit, limit};
    EXPECT(setrlimit(strcmp(arguments[1], "as") == 0 ? RLIMIT_AS : RLIMIT_DATA, &both) == 0);
    char again[] = "again";
    char *const command[] = {arguments[0], arguments[1], arguments[2], again, NULL};
    execv("/proc/self/exe", command);
    FAIL("cannot run myself again");
}
