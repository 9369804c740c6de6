/*
 * Runs one program under one allocator and reports what it cost.
 *
 *     launch [OPTIONS] [--] PROGRAM [ARGS...]
 *
 *     -p PRELOAD          LD_PRELOAD of the program
 *     -i FILE, -o FILE    its stdin and stdout
 *     -r FILE             its file descriptor 3, for what it reports while it runs
 *     -s FILE             samples of its memory; see sampler.h
 *     -e MILLISECONDS     time between samples (default: 5)
 *     -a                  sample huge pages too
 *     -n                  no transparent huge pages for it (PR_SET_THP_DISABLE)
 *     -v BYTES, -d BYTES  limit of its address space, of its data (setrlimit)
 *     -g DIRECTORY        start it in this cgroup
 *
 * Prints one line of JSON on stdout: exit status, signal, wall time from before
 * the start to after the end, user and system time, peak resident size and page
 * faults of the program and of the children it waited for.
 *
 * A process starts with the peak resident size of the memory it was started
 * from: Linux carries the old image's peak over at exec. So the driver, which
 * is a Python of some 10 MB, cannot start a program of 1 MB and read its peak.
 * This launcher is small and linked statically, and is the floor instead.
 * Only the program gets LD_PRELOAD, never the launcher. Limits, the cgroup and
 * the setting of huge pages are the launcher's own, and inherited.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "sampler.h"

enum { MAX_VARIABLES = 256, REPORT_DESCRIPTOR = 3 };

struct request {
    const char *preload, *input, *output, *report, *samples, *cgroup;
    long interval_ms;
    bool huge_pages, no_huge_pages;
    rlim_t address_space, data;
};

static _Noreturn void fail(const char *what, int error) {
    fprintf(stderr, "launch: %s: %s\n", what, strerror(error));
    exit(125);
}

static _Noreturn void refuse(void) {
    fprintf(stderr, "usage: launch [-p PRELOAD] [-i INPUT] [-o OUTPUT] [-r REPORT] [-s SAMPLES] "
                    "[-e MILLISECONDS] [-a] [-n] [-v BYTES] [-d BYTES] [-g CGROUP] "
                    "[--] PROGRAM [ARGS...]\n");
    exit(125);
}

static int64_t in_us(struct timeval time) { return (int64_t)time.tv_sec * 1000000 + time.tv_usec; }

static unsigned long number_of(const char *text) {
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number == 0) {
        refuse();
    }
    return number;
}

static struct request read_request(int argc, char **argv) {
    struct request request = {.input = "/dev/null",
                              .output = "/dev/null",
                              .interval_ms = 5,
                              .address_space = RLIM_INFINITY,
                              .data = RLIM_INFINITY};
    for (int option; (option = getopt(argc, argv, "+p:i:o:r:s:e:anv:d:g:")) != -1;) {
        switch (option) {
        case 'p':
            request.preload = optarg;
            break;
        case 'i':
            request.input = optarg;
            break;
        case 'o':
            request.output = optarg;
            break;
        case 'r':
            request.report = optarg;
            break;
        case 's':
            request.samples = optarg;
            break;
        case 'e':
            request.interval_ms = (long)number_of(optarg);
            break;
        case 'a':
            request.huge_pages = true;
            break;
        case 'n':
            request.no_huge_pages = true;
            break;
        case 'v':
            request.address_space = number_of(optarg);
            break;
        case 'd':
            request.data = number_of(optarg);
            break;
        case 'g':
            request.cgroup = optarg;
            break;
        default:
            refuse();
        }
    }
    if (optind == argc) {
        refuse();
    }
    return request;
}

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

static void enter_cgroup(const char *directory) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/cgroup.procs", directory);
    if (length < 0 || (size_t)length >= sizeof path) {
        fail(directory, ENAMETOOLONG);
    }
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "0", 1) != 1) {
        fail(path, errno);
    }
    close(file);
}

/* What the program inherits. */
static void restrain(const struct request *request) {
    if (request->cgroup != NULL) {
        enter_cgroup(request->cgroup);
    }
    if (request->no_huge_pages && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) {
        fail("PR_SET_THP_DISABLE", errno);
    }
    const struct rlimit address_space = {request->address_space, request->address_space};
    const struct rlimit data = {request->data, request->data};
    if ((request->data != RLIM_INFINITY && setrlimit(RLIMIT_DATA, &data) != 0) ||
        (request->address_space != RLIM_INFINITY && setrlimit(RLIMIT_AS, &address_space) != 0)) {
        fail("setrlimit", errno);
    }
}

/* The signal of a child's end is blocked here, to be waited for, and not in the program. */
static pid_t start(const struct request *request, char **command, const sigset_t *signals) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, request->input, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, request->output,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (request->report != NULL) {
        posix_spawn_file_actions_addopen(&files, REPORT_DESCRIPTOR, request->report,
                                         O_WRONLY | O_CREAT | O_TRUNC, 0644);
    }
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child;
    int error = posix_spawnp(&child, command[0], &files, &attributes, command,
                             child_environment(request->preload));
    if (error != 0) {
        fail(command[0], error);
    }
    return child;
}

/* Takes samples until the child has ended; leaves it to be waited for. */
static void sample(const struct request *request, pid_t child, const sigset_t *child_ended) {
    struct sampler sampler;
    if (!sampler_open(&sampler, child, request->samples, request->huge_pages)) {
        int error = errno;
        kill(child, SIGKILL);
        fail("samples", error);
    }
    const struct timespec interval = {request->interval_ms / 1000,
                                      request->interval_ms % 1000 * 1000000};
    do {
        sampler_take(&sampler);
    } while (sigtimedwait(child_ended, NULL, &interval) < 0);
    if (!sampler_close(&sampler)) {
        fail(request->samples, errno);
    }
}

int main(int argc, char **argv) {
    struct request request = read_request(argc, argv);
    sigset_t child_ended, before;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    restrain(&request);
    int64_t started = now_ns();
    pid_t child = start(&request, &argv[optind], &before);
    if (request.samples != NULL) {
        sample(&request, child, &child_ended);
    }
    int status = 0;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) {
            fail("wait4", errno);
        }
    }
    int64_t wall = now_ns() - started;
    printf("{\"exit\": %d, \"signal\": %d, \"wall_ns\": %lld, \"user_us\": %lld, "
           "\"system_us\": %lld, \"peak_rss_kb\": %ld, \"minor_faults\": %ld, "
           "\"major_faults\": %ld}\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
           (long long)wall, (long long)in_us(usage.ru_utime), (long long)in_us(usage.ru_stime),
           usage.ru_maxrss, usage.ru_minflt, usage.ru_majflt);
    return 0;
}
