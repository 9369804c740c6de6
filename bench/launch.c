/*
 * Runs one program under one allocator and reports what it cost.
 *
 *     launch [-p PRELOAD] [-i INPUT] [-o OUTPUT] [--] PROGRAM [ARGS...]
 *
 * Prints one line of JSON on stdout: exit status, signal, wall time from before
 * the start to after the end, user and system time, peak resident size and page
 * faults of the program and of the children it waited for.
 *
 * A process starts with the peak resident size of the memory it was started
 * from: Linux carries the old image's peak over at exec. So the driver, which
 * is a Python of some 10 MB, cannot start a program of 1 MB and read its peak.
 * This launcher is small and linked statically, and is the floor instead.
 * Only the program gets LD_PRELOAD, never the launcher.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_VARIABLES = 256 };

static _Noreturn void fail(const char *what, int error) {
    fprintf(stderr, "launch: %s: %s\n", what, strerror(error));
    exit(125);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t in_us(struct timeval time) { return (int64_t)time.tv_sec * 1000000 + time.tv_usec; }

/* The environment without any LD_PRELOAD of its own and with the one asked for. */
static char **child_environment(const char *preload) {
    static char *variables[MAX_VARIABLES + 2];
    static char assignment[4096];
    size_t count = 0;
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, "LD_PRELOAD=", strlen("LD_PRELOAD=")) != 0) {
            if (count == MAX_VARIABLES) {
                fail("environment", E2BIG);
            }
            variables[count++] = *variable;
        }
    }
    if (preload != NULL) {
        int length = snprintf(assignment, sizeof assignment, "LD_PRELOAD=%s", preload);
        if (length < 0 || (size_t)length >= sizeof assignment) {
            fail(preload, ENAMETOOLONG);
        }
        variables[count++] = assignment;
    }
    return variables;
}

int main(int argc, char **argv) {
    const char *preload = NULL, *input = "/dev/null", *output = "/dev/null";
    for (int option; (option = getopt(argc, argv, "+p:i:o:")) != -1;) {
        switch (option) {
        case 'p':
            preload = optarg;
            break;
        case 'i':
            input = optarg;
            break;
        case 'o':
            output = optarg;
            break;
        default:
            return 125;
        }
    }
    if (optind == argc) {
        fprintf(stderr, "usage: launch [-p PRELOAD] [-i INPUT] [-o OUTPUT] PROGRAM [ARGS...]\n");
        return 125;
    }
    char **environment = child_environment(preload);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, input, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
    pid_t child;
    int64_t start = now_ns();
    int error = posix_spawnp(&child, argv[optind], &files, NULL, &argv[optind], environment);
    if (error != 0) {
        fail(argv[optind], error);
    }
    int status = 0;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) {
            fail("wait4", errno);
        }
    }
    int64_t wall = now_ns() - start;
    printf("{\"exit\": %d, \"signal\": %d, \"wall_ns\": %lld, \"user_us\": %lld, "
           "\"system_us\": %lld, \"peak_rss_kb\": %ld, \"minor_faults\": %ld, "
           "\"major_faults\": %ld}\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
           (long long)wall, (long long)in_us(usage.ru_utime), (long long)in_us(usage.ru_stime),
           usage.ru_maxrss, usage.ru_minflt, usage.ru_majflt);
    return 0;
}
