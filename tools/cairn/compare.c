/* cairn run --compare: the same program twice, and what the kernel says about both. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "run.h"

struct result {
    int status; /* as wait4 gives it */
    double wall;
    struct rusage usage;
};

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
enum { PASSED_ON_COUNT = sizeof passed_on / sizeof passed_on[0] };

static volatile sig_atomic_t child;
static volatile sig_atomic_t asked_to_end;

/* What the terminal sends reaches the whole process group, the program included; only what was sent
 * to this process alone has to be passed on. */
static void pass_on(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    asked_to_end |= signal_number != SIGUSR1 && signal_number != SIGUSR2;
    if (child > 0 && info->si_code != SI_KERNEL) {
        int saved = errno;
        kill((pid_t)child, signal_number);
        errno = saved;
    }
}

static void set_up_signals(sigset_t *set, struct sigaction before[PASSED_ON_COUNT]) {
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(set);
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < PASSED_ON_COUNT; i++) {
        sigaddset(set, passed_on[i]);
        sigaction(passed_on[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) {
            sigaction(passed_on[i], &action, NULL);
        }
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static pid_t start_program(char **program, bool quiet, const sigset_t *mask) {
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (quiet) {
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, mask);
    int reason = posix_spawnp(&pid, program[0], &actions, &attributes, program, environ);
    if (reason != 0) {
        fail_to_execute(program[0], reason);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static struct result run_once(char **program, bool quiet) {
    struct result result;
    struct sigaction before[PASSED_ON_COUNT];
    sigset_t set;
    sigset_t mask;
    set_up_signals(&set, before);
    sigprocmask(SIG_BLOCK, &set, &mask); /* until the handler knows the child */
    double start = now();
    child = start_program(program, quiet, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    while (wait4((pid_t)child, &result.status, 0, &result.usage) < 0) {
        if (errno != EINTR) {
            fail(STATUS_FAILED, "cannot wait for the program: %s", strerror(errno));
        }
    }
    result.wall = now() - start;
    child = 0;
    for (int i = 0; i < PASSED_ON_COUNT; i++) {
        sigaction(passed_on[i], &before[i], NULL);
    }
    return result;
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static void print_row(const char *name, const char *unit, int digits, double libc, double cairn) {
    fprintf(stderr, "  %-16s %12.*f %12.*f %-4s", name, digits, libc, digits, cairn, unit);
    if (libc > 0) {
        fprintf(stderr, " %6.2f", cairn / libc);
    }
    fputc('\n', stderr);
}

static void describe_end(const char *under, int status) {
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        complain("under %s the program was ended by signal %d (%s)", under, number,
                 strsignal(number));
    } else {
        complain("under %s the program ended with exit status %d", under, WEXITSTATUS(status));
    }
}

static void print_table(const char *program, const struct result *libc,
                        const struct result *cairn) {
    const double mib_per_kib = 1.0 / 1024;
    fprintf(stderr, "\n%s\n  %-16s %12s %12s %-4s %6s\n", program, "", "libc", "cairn", "",
            "ratio");
    print_row("wall time", "s", 3, libc->wall, cairn->wall);
    print_row("user + system", "s", 3,
              seconds(libc->usage.ru_utime) + seconds(libc->usage.ru_stime),
              seconds(cairn->usage.ru_utime) + seconds(cairn->usage.ru_stime));
    print_row("peak RSS", "MiB", 1, (double)libc->usage.ru_maxrss * mib_per_kib,
              (double)cairn->usage.ru_maxrss * mib_per_kib);
    print_row("minor faults", "", 0, (double)libc->usage.ru_minflt, (double)cairn->usage.ru_minflt);
    if (libc->status != cairn->status) {
        describe_end("libc's malloc", libc->status);
        describe_end("cairn", cairn->status);
    }
}

/* Ends as the program ended, so that the caller sees the same. */
static int end_as(int status) {
    if (!WIFSIGNALED(status)) {
        return WEXITSTATUS(status);
    }
    int number = WTERMSIG(status);
    const struct rlimit no_core = {0, 0};
    sigset_t set;
    setrlimit(RLIMIT_CORE, &no_core); /* the program has left its own */
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    return 128 + number;
}

int compare(char **program, const struct preload *preload) {
    unsetenv("CAIRN_SUMMARY");
    struct result libc = run_once(program, true);
    if (asked_to_end) {
        return end_as(libc.status);
    }
    use_cairn(preload);
    struct result cairn = run_once(program, false);
    print_table(program[0], &libc, &cairn);
    return end_as(cairn.status);
}
