/* Preloaded behind libcairn.so: compares the statistics with the kernel's count while the program
 * runs, and appends what it found to the file named by CAIRN_STATS_PROBE.
 *
 * A thread makes a copy of the process by _Fork() every few milliseconds.  In the copy no other
 * thread runs, and its memory is the program's at that moment, whatever its threads were in the
 * middle of; there the statistics and /proc/self/smaps must agree.  _Fork() and not fork(): the
 * library's handlers, which would bring the heap into order first, do not run.
 *
 * A line for each comparison: resident bytes of the heap as the library and as the kernel says,
 * the same of the process, metadata, and the first sum that is wrong or "-".
 * CAIRN_STATS_PROBE_FALSE, one of heap, process, metadata and sum, makes that figure wrong by 5 %,
 * and 256 KiB at least, so that a test can see that it is noticed. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/kernel_count.h"

enum { PAUSE_NS = 2000000, FREQUENT = 40, PAUSE_LATER_NS = 40000000 };

static int output = -1;
static const char *falsified;

static bool is_falsified(const char *figure) {
    return falsified != NULL && strcmp(falsified, figure) == 0;
}

static uint64_t error_of(uint64_t bytes) { return bytes / 20 > 256 * KIB ? bytes / 20 : 256 * KIB; }

/* All sums but that of "sum" stay right. */
static void falsify(struct cairn_heap_stats *s) {
    if (is_falsified("heap")) {
        uint64_t error = error_of(s->heap_resident_bytes);
        s->heap_resident_bytes += error;
        s->live_resident_bytes += error;
        s->resident_bytes += error;
    } else if (is_falsified("process")) {
        uint64_t error = error_of(s->resident_bytes);
        s->resident_bytes += error;
        s->outside_bytes += error;
    } else if (is_falsified("metadata")) {
        uint64_t error = s->outside_bytes + error_of(s->metadata_bytes);
        s->metadata_bytes += error;
        s->outside_bytes -= error; /* wraps around, as the sum does */
    } else if (is_falsified("sum")) {
        s->live_resident_bytes += error_of(s->live_resident_bytes);
    }
}

static void compare(void) {
    static struct cairn_heap_stats s;
    (void)ask_kernel(); /* so that neither takes more memory when it counts */
    cairn_stats(&s, sizeof s);
    cairn_stats(&s, sizeof s);
    struct kernel_count kernel = ask_kernel();
    falsify(&s);
    const char *wrong = wrong_sum(&s);
    bool metadata_fits = s.metadata_bytes > 0 && s.metadata_bytes <= s.metadata_mapped_bytes &&
                         s.metadata_bytes <= kernel.process - kernel.heap;
    if (wrong == NULL && !metadata_fits) {
        wrong = "metadata_bytes within metadata_mapped_bytes and what is outside of the regions";
    }
    say(output, "%zu %zu %zu %zu %zu %s\n", (size_t)s.heap_resident_bytes, kernel.heap,
        (size_t)s.resident_bytes, kernel.process, (size_t)s.metadata_bytes,
        wrong != NULL ? wrong : "-");
}

/* The copy tells of its own failures on stderr, and the line that it does not write is missed. */
static void sample(void) {
    pid_t copy = _Fork();
    if (copy == 0) {
        compare();
        _exit(0);
    }
    int status = -1;
    while (copy > 0 && waitpid(copy, &status, 0) < 0 && errno == EINTR) {}
    if (copy < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        say(output, "0 0 0 0 0 a copy of the process could not be compared: status %d\n", status);
    }
}

/* Frequent at first, for the sake of short programs. */
static void *watch(void *argument) {
    for (unsigned samples = 0;; samples++) {
        struct timespec pause = {0, samples < FREQUENT ? PAUSE_NS : PAUSE_LATER_NS};
        (void)nanosleep(&pause, NULL);
        sample();
    }
    return argument;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("CAIRN_STATS_PROBE");
    falsified = getenv("CAIRN_STATS_PROBE_FALSE");
    if (path == NULL) {
        return;
    }
    output = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    EXPECT(output >= 0);
    /* The program's own signals are for its own threads. */
    sigset_t all, before;
    pthread_t thread;
    (void)sigfillset(&all);
    EXPECT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    EXPECT(pthread_create(&thread, NULL, watch, NULL) == 0);
    EXPECT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}
