/* Makes mistakes of which report_text.py reads the reports: report MODE. */
#include <cairn/report.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "support/testkit.h"

/* Of one size class, one behind the other in memory. */
static char *objects[3];

static void take_three(void) {
    for (int i = 0; i < 3; i++) {
        objects[i] = opaque(malloc(opaque_size(100)));
        EXPECT(objects[i] != NULL);
    }
}

__attribute__((noinline)) static void free_middle_twice(void) {
    free(objects[1]);
    free(opaque(objects[1]));
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static void plain(void) {
    take_three();
    EXPECT(objects[1] == objects[0] + 112 && objects[2] == objects[1] + 112);
    free_middle_twice();
    __asm__ volatile("" ::: "memory"); /* likewise */
}

static void no_object(void) { free(opaque((void *)(uintptr_t)0x1230)); }

static void misuse(void) {
    take_three();
    cairn_free_sized(objects[1], opaque_size(200));
}

static void *in_thread(void *argument) {
    free_middle_twice();
    return argument;
}

static void small_stack(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    take_three();
    EXPECT(pthread_attr_init(&attributes) == 0);
    EXPECT(pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
    EXPECT(pthread_create(&thread, &attributes, in_thread, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

static void on_signal(int number) {
    (void)number;
    free_middle_twice();
}

static void handle_on_own_stack(int number) {
    static char memory[16 * KIB];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    EXPECT(sigaltstack(&stack, NULL) == 0);
    EXPECT(sigaction(number, &action, NULL) == 0);
}

static void signal_handler(void) {
    take_three();
    handle_on_own_stack(SIGUSR1);
    EXPECT(raise(SIGUSR1) == 0);
}

static void closed_output(void) {
    take_three();
    EXPECT(close(1) == 0);
    free_middle_twice();
}

static void closed_stderr(void) {
    take_three();
    EXPECT(close(2) == 0);
    free_middle_twice();
}

static void in_child(void) {
    take_three();
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        free_middle_twice();
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFSIGNALED(status));
    raise(WTERMSIG(status));
}

/* Whether the heap works, after mistakes that did nothing. */
static void use_the_heap(void) {
    enum { COUNT = 5000 };
    static char *used[COUNT];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            used[i] = malloc(opaque_size(1 + i % 3000));
            EXPECT(used[i] != NULL);
            memset(used[i], (int)i, 1 + i % 3000);
        }
        for (size_t i = 0; i < COUNT; i++) {
            EXPECT(used[i][i % 3000] == (char)i);
            free(used[i]);
        }
    }
}

static void *free_all(void *argument) {
    for (int i = 0; i < 3; i++) {
        free(objects[i]);
    }
    return argument;
}

/* Also a double free that shows only when what another thread freed is merged. */
static void go_on(void) {
    pthread_t thread;
    take_three();
    errno = EXDEV;
    free_middle_twice();
    EXPECT(errno == EXDEV);
    free(opaque(objects[0] + 8));
    no_object();
    char *large = opaque(malloc(opaque_size(MIB)));
    free(opaque(large + 4096));
    free(large);
    free(opaque(large));
    use_the_heap();
    take_three();
    EXPECT(pthread_create(&thread, NULL, free_all, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    free(opaque(objects[2]));
    use_the_heap();
    say(1, "alive\n");
}

static int told; /* how often the handler was called */

static enum cairn_action count(void *context, const struct cairn_finding *finding) {
    EXPECT(context == &told);
    told++;
    say(1, "%s of %s(%s): can continue: %d\n%s\n", finding->kind, finding->function,
        finding->address == objects[1] ? "objects[1]" : "?", finding->can_continue,
        finding->message);
    return CAIRN_CONTINUE;
}

static void handler(void) {
    take_three();
    cairn_on_finding(count, &told);
    free_middle_twice();
    free(opaque(objects[1]));
    EXPECT(told == 2);
    (void)!realloc(opaque(objects[1]), opaque_size(300)); /* can't continue */
}

static enum cairn_action fail_itself(void *context, const struct cairn_finding *finding) {
    (void)context, (void)finding;
    free(opaque(objects[1]));
    return CAIRN_CONTINUE;
}

static void nested(void) {
    take_three();
    cairn_on_finding(fail_itself, NULL);
    free_middle_twice();
}

static enum cairn_action trap(void *context, const struct cairn_finding *finding) {
    (void)context, (void)finding;
    return CAIRN_TRAP;
}

static void trapped(void) {
    take_three();
    cairn_on_finding(trap, NULL);
    free_middle_twice();
}

static void *make_many(void *argument) {
    for (int i = 0; i < 50; i++) {
        free(opaque(objects[1]));
    }
    return argument;
}

/* Reports of threads do not mix. */
static void crowd(void) {
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    take_three();
    free(objects[1]);
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, make_many, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
}

static const struct mode {
    const char *name;
    void (*run)(void);
} modes[] = {
    {"plain", plain},
    {"no_object", no_object},
    {"misuse", misuse},
    {"small_stack", small_stack},
    {"signal_handler", signal_handler},
    {"closed_output", closed_output},
    {"closed_stderr", closed_stderr},
    {"in_child", in_child},
    {"go_on", go_on},
    {"handler", handler},
    {"nested", nested},
    {"trapped", trapped},
    {"crowd", crowd},
};

int main(int count_of_arguments, char **arguments) {
    for (size_t i = 0; count_of_arguments == 2 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    FAIL("usage: report MODE");
}
