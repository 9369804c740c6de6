#include "reader.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbolize.h"

/* Programs expect the low numbers in order. */
enum { OUT_OF_THE_WAY = 200 };

/* Of a process, or -1: the kernel (before Linux 5.3) has none. */
static int process_descriptor(pid_t pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    return -1;
#endif
}

/* What interrupts the program from the terminal is for the program. */
static void read_reports(int fd, pid_t program) {
    int process = process_descriptor(program);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    symbolize_from(fd, process);
}

/* A child of a child, so that the program has none that it does not know. */
static void become_reader(int ends[2], pid_t program) {
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        read_reports(ends[0], program);
    }
    _exit(child < 0 ? 1 : 0);
}

/* Empty is as if it were not set. */
static bool has_other_target(void) {
    const char *target = getenv("CAIRN_REPORT");
    return target != NULL && target[0] != '\0';
}

void start_reader(void) {
    int ends[2];
    int status = 1;
    pid_t program = getpid();
    if (has_other_target() || pipe2(ends, O_CLOEXEC) != 0) {
        return;
    }
    int fd = fcntl(ends[1], F_DUPFD, OUT_OF_THE_WAY);
    (void)close(ends[1]);
    ends[1] = fd;
    pid_t child = fd < 0 ? -1 : fork();
    if (child == 0) {
        become_reader(ends, program);
    }
    if (child > 0 && waitpid(child, &status, 0) == child && status == 0) {
        char value[32];
        snprintf(value, sizeof value, "fd:%d", fd);
        (void)setenv("CAIRN_REPORT", value, 1);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    (void)close(ends[0]);
}
