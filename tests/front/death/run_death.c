/* Run a death program and see whether it dies as it must.
 *
 *   run_death [--preload LIBRARY] [--must-fail REASON] PROGRAM
 *
 * The program prints on stdout the first line of the report that it is about to cause. It must then
 * end by SIGABRT; what it wrote to stderr must be exactly that line, and behind it the details of a
 * report: indented lines with at least one frame of a call stack. --must-fail turns the judgement
 * round: the test passes only if the program fails it for just that reason; so the runner is tested
 * itself. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "support/testkit.h"

enum { TEXT_SIZE = 16 * 1024, SECONDS = 60 };

struct text {
    char bytes[TEXT_SIZE];
    size_t size;
};

struct outcome {
    struct text expected; /* stdout */
    struct text report;   /* stderr */
    int status;
    bool timed_out;
};

static void become(const char *library, char *const *command, int out, int err) {
    static const struct rlimit no_core = {0, 0};
    dup2(out, 1);
    dup2(err, 2);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    if (library != NULL) {
        setenv("LD_PRELOAD", library, 1);
    } else {
        unsetenv("LD_PRELOAD");
    }
    execv(command[0], command);
    say(2, "run_death: cannot run %s: %s\n", command[0], strerror(errno));
    _exit(127);
}

/* Read what is there; false at the end of the stream. */
static bool collect(int fd, struct text *text) {
    char overflow[512];
    size_t room = sizeof text->bytes - 1 - text->size;
    ssize_t n =
        room > 0 ? read(fd, text->bytes + text->size, room) : read(fd, overflow, sizeof overflow);
    if (n > 0 && room > 0) {
        text->size += (size_t)n;
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

static void collect_both(int out, int err, struct outcome *outcome) {
    struct pollfd streams[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    struct text *texts[2] = {&outcome->expected, &outcome->report};
    time_t deadline = time(NULL) + SECONDS;
    while ((streams[0].fd >= 0 || streams[1].fd >= 0) && !outcome->timed_out) {
        poll(streams, 2, 1000);
        for (int i = 0; i < 2; i++) {
            if (streams[i].fd >= 0 && streams[i].revents != 0 &&
                !collect(streams[i].fd, texts[i])) {
                streams[i].fd = -1;
            }
        }
        outcome->timed_out = time(NULL) > deadline;
    }
}

static void run(const char *library, char *const *command, struct outcome *outcome) {
    int out[2];
    int err[2];
    EXPECT(pipe(out) == 0 && pipe(err) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        close(out[0]);
        close(err[0]);
        become(library, command, out[1], err[1]);
    }
    close(out[1]);
    close(err[1]);
    collect_both(out[0], err[0], outcome);
    if (outcome->timed_out) {
        kill(child, SIGKILL);
    }
    EXPECT(waitpid(child, &outcome->status, 0) == child);
}

/* The details end with the hint how to read them; nothing follows. */
static bool are_details(const char *text) {
    bool has_frame = false;
    bool has_hint = false;
    while (*text != '\0' && !has_hint) {
        const char *end = strchr(text, '\n');
        if (end == NULL || strncmp(text, "  ", 2) != 0) {
            return false;
        }
        has_frame = has_frame || strncmp(text, "    0x", 6) == 0;
        has_hint = strncmp(text, "  'cairn symbolize'", 19) == 0;
        text = end + 1;
    }
    return has_frame && has_hint && *text == '\0';
}

static bool is_report(const struct text *report, const struct text *line) {
    return report->size > line->size && memcmp(report->bytes, line->bytes, line->size) == 0 &&
           strlen(report->bytes) == report->size && are_details(report->bytes + line->size);
}

/* An expectation is one line: "cairn: FUNCTION(0xADDRESS): WHAT; thread TID\n". */
static bool is_one_line(const struct text *text) {
    const char *end = memchr(text->bytes, '\n', text->size);
    return end != NULL && end + 1 == text->bytes + text->size &&
           strncmp(text->bytes, "cairn: ", 7) == 0 && strstr(text->bytes, "; thread ") != NULL;
}

/* The name of what is wrong, "none" when nothing is. */
static const char *judge(const struct outcome *outcome) {
    if (outcome->timed_out) {
        return "timeout";
    }
    if (!is_one_line(&outcome->expected)) {
        return "no-expectation";
    }
    if (WIFEXITED(outcome->status)) {
        return "survived";
    }
    if (WTERMSIG(outcome->status) != SIGABRT) {
        return "other-signal";
    }
    if (outcome->report.size == 0) {
        return "silent";
    }
    return is_report(&outcome->report, &outcome->expected) ? "none" : "other-text";
}

int main(int count, char **arguments) {
    static struct outcome outcome;
    const char *library = NULL;
    const char *must_fail = "none";
    int at = 1;
    for (; at + 1 < count && strncmp(arguments[at], "--", 2) == 0; at += 2) {
        if (strcmp(arguments[at], "--preload") == 0) {
            library = arguments[at + 1];
        } else if (strcmp(arguments[at], "--must-fail") == 0) {
            must_fail = arguments[at + 1];
        } else {
            FAIL("unknown option %s", arguments[at]);
        }
    }
    if (at >= count) {
        FAIL("usage: run_death [--preload LIBRARY] [--must-fail REASON] PROGRAM");
    }
    run(library, arguments + at, &outcome);
    const char *reason = judge(&outcome);
    bool passed = strcmp(reason, must_fail) == 0;
    say(1, "expected: %s", outcome.expected.size > 0 ? outcome.expected.bytes : "nothing\n");
    say(1, "reported: %s", outcome.report.size > 0 ? outcome.report.bytes : "nothing\n");
    say(1, "status:   %s %d\n", WIFSIGNALED(outcome.status) ? "signal" : "exit",
        WIFSIGNALED(outcome.status) ? WTERMSIG(outcome.status) : WEXITSTATUS(outcome.status));
    say(1, "%s: wrong is %s, should be %s\n", passed ? "pass" : "FAIL", reason, must_fail);
    return passed ? 0 : 1;
}
