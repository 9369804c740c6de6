/* The library's own thread, and waiting for pressure. */
#include "os/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t done;
    char name[16];
    sigset_t blocked;
    bool ran;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static void look_at_oneself(void) {
    (void)pthread_mutex_lock(&seen.lock);
    (void)prctl(PR_GET_NAME, seen.name);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &seen.blocked);
    seen.ran = true;
    (void)pthread_cond_signal(&seen.done);
    (void)pthread_mutex_unlock(&seen.lock);
    for (;;) {
        (void)pause();
    }
}

static void test_worker(void **state) {
    (void)state;
    errno = EILSEQ;
    assert_true(os_start_worker(look_at_oneself, "worker"));
    assert_int_equal(errno, EILSEQ);
    (void)pthread_mutex_lock(&seen.lock);
    while (!seen.ran) {
        (void)pthread_cond_wait(&seen.done, &seen.lock);
    }
    assert_string_equal(seen.name, "worker");
    const int signals[] = {SIGINT,  SIGTERM, SIGCHLD, SIGALRM, SIGPROF,
                           SIGUSR1, SIGSEGV, SIGPIPE, SIGRTMIN};
    sigset_t mine;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mine);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        assert_int_equal(sigismember(&seen.blocked, signals[i]), 1);
        assert_int_equal(sigismember(&mine, signals[i]), 0);
    }
    (void)pthread_mutex_unlock(&seen.lock);
}

static long waited_ms(int *watch, int ms, bool *told) {
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    errno = EILSEQ;
    *told = os_wait_for_pressure(watch, ms);
    assert_int_equal(errno, EILSEQ);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    return (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
}

static void test_nothing_to_watch(void **state) {
    (void)state;
    int watch = -1;
    bool told;
    assert_true(waited_ms(&watch, 50, &told) >= 49);
    assert_false(told);
    assert_int_equal(watch, -1);
}

/* A descriptor that the program has closed, or whose other end is gone, is not asked again. */
static void test_bad_descriptors(void **state) {
    (void)state;
    int ends[2];
    bool told;
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[1]);
    int watch = ends[0];
    (void)waited_ms(&watch, 1000, &told);
    assert_true(!told && watch == -1);
    (void)close(ends[0]);
    watch = ends[0];
    (void)waited_ms(&watch, 1000, &told);
    assert_true(!told && watch == -1);
}

/* Urgent data of a socket shows as the kernel's word on pressure does. */
static void test_told(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), sender = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        connect(sender, (struct sockaddr *)&address, length) != 0) {
        skip();
    }
    int watch = accept(listener, NULL, NULL);
    assert_true(watch >= 0);
    bool told;
    assert_true(waited_ms(&watch, 50, &told) >= 49 && !told);
    assert_int_equal(send(sender, "x", 1, 0), 1);
    assert_true(waited_ms(&watch, 50, &told) >= 49 && !told); /* it is not ours to read */
    assert_int_equal(send(sender, "!", 1, MSG_OOB), 1);
    (void)waited_ms(&watch, 5000, &told);
    assert_true(told && watch >= 0);
}

/* Where the kernel has it. */
static void test_watch(void **state) {
    (void)state;
    errno = EILSEQ;
    int watch = os_watch_pressure();
    assert_int_equal(errno, EILSEQ);
    if (watch < 0) {
        skip();
    }
    assert_true(watch >= 200);
    assert_true((fcntl(watch, F_GETFD) & FD_CLOEXEC) != 0);
    bool told;
    (void)waited_ms(&watch, 20, &told);
    assert_true(watch >= 0);
    (void)close(watch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker),          cmocka_unit_test(test_nothing_to_watch),
        cmocka_unit_test(test_bad_descriptors), cmocka_unit_test(test_told),
        cmocka_unit_test(test_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
