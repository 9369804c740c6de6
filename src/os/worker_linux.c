#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/worker.h"

/* Of address space; what runs there calls a few functions, on top of the program's thread-local
 * memory, which the C library takes from it. */
enum { STACK_BYTES = 256 << 10 };

/* Written before the one thread that reads it is made. */
static void (*worker_run)(void);
static const char *worker_name;

static void *work(void *unused) {
    (void)prctl(PR_SET_NAME, worker_name);
    worker_run();
    return unused;
}

static bool start(pthread_attr_t *attributes) {
    pthread_t thread;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_attr_setdetachstate(attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(attributes, STACK_BYTES);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    int error = pthread_create(&thread, attributes, work, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

bool os_start_worker(void (*run)(void), const char *name) {
    pthread_attr_t attributes;
    int saved = errno;
    worker_run = run;
    worker_name = name;
    bool started = false;
    if (pthread_attr_init(&attributes) == 0) {
        started = start(&attributes);
        (void)pthread_attr_destroy(&attributes);
    }
    errno = saved;
    return started;
}

/* A tenth of two seconds; windows of other lengths are for the privileged. */
static const char trigger[] = "some 200000 2000000";

static int watch_file(const char *path) {
    enum { OUT_OF_THE_WAY = 200 }; /* programs expect the low numbers in order */
    int fd = path != NULL ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0) {
        return -1;
    }
    bool accepted = write(fd, trigger, sizeof trigger) > 0;
    int high = accepted ? fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) : -1;
    if (high >= 0 || !accepted) {
        (void)close(fd);
        return high;
    }
    return fd;
}

int os_watch_pressure(void) {
    char path[4200];
    int saved = errno;
    int fd = watch_file(os_cgroup_file("memory.pressure", path, sizeof path));
    if (fd < 0) {
        fd = watch_file("/proc/pressure/memory");
    }
    errno = saved;
    return fd;
}

bool os_wait_for_pressure(int *watch, int ms) {
    struct pollfd wait = {.fd = *watch, .events = POLLPRI}; /* negative: poll leaves it alone */
    int saved = errno;
    int ready = poll(&wait, 1, ms);
    if (ready > 0 && (wait.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0) {
        *watch = -1;
    }
    errno = saved;
    return ready > 0 && (wait.revents & POLLPRI) != 0;
}
