/* Conformance: what a program may rely on from malloc and its kin, one row a behaviour.
 *
 *   conformance cairn      every row must hold, and malloc must be cairn's
 *   conformance glibc      the rows that glibc shares must hold: this keeps the rows themselves
 *   honest conformance any        just shows what the malloc at hand does; fails only if a row
 *   crashes the driver
 *
 * Every row runs in a child of its own, so that one that crashes or hangs costs only itself. */
#include "conformance.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <signal.h>
#include <sys/wait.h>

#include "support/testkit.h"

enum { SECONDS_PER_ROW = 60, REASON_SIZE = 256 };

static int reason_fd = -1;

bool row_fails(int line, const char *what) {
    /* The innermost reason is the one that tells; callers that fail because of it add nothing. */
    if (reason_fd >= 0) {
        say(reason_fd, "line %d: not so: %s (errno %d)", line, what, errno);
        close(reason_fd);
        reason_fd = -1;
    }
    return false;
}

static int glibc_version(void) {
    int major = 0;
    int minor = 0;
    if (sscanf(gnu_get_libc_version(), "%d.%d", &major, &minor) != 2) {
        FAIL("cannot read glibc's version from %s", gnu_get_libc_version());
    }
    return major * 100 + minor;
}

/* The object file that malloc comes from, as the dynamic linker tells it. */
static const char *origin_of_malloc(void) {
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    if (symbol == NULL || dladdr(symbol, &info) == 0 || info.dli_fname == NULL) {
        return "?";
    }
    return info.dli_fname;
}

/* Run one row in a child; false with a reason when it does not hold, crashes or hangs. */
static bool row_holds(const struct row *row, char reason[REASON_SIZE]) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        close(ends[0]);
        reason_fd = ends[1];
        alarm(SECONDS_PER_ROW);
        errno = 0;
        _exit(row->check() ? 0 : 1);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], reason, REASON_SIZE - 1);
    reason[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
        snprintf(reason, REASON_SIZE, "ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
        return false;
    }
    return WEXITSTATUS(status) == 0;
}

struct tally {
    unsigned passed;
    unsigned failed;
    unsigned differing;
};

static void run_row(const struct row *row, int agrees_from, struct tally *tally) {
    char reason[REASON_SIZE] = "";
    bool holds = row_holds(row, reason);
    if (holds) {
        tally->passed++;
        printf("pass  %s\n", row->name);
    } else if (row->glibc_since > agrees_from) {
        tally->differing++;
        printf("other %s (%s%s)\n", row->name,
               row->glibc_since == CAIRN_ONLY ? "glibc does not promise it: "
               : row->glibc_since > 0         ? "glibc promises it since a later version: "
                                              : "",
               reason);
    } else {
        tally->failed++;
        printf("FAIL  %s: %s\n", row->name, reason);
    }
}

int main(int count, char **arguments) {
    static const struct rows *const subjects[] = {&rows_failure, &rows_zero, &rows_content,
                                                  &rows_aligned, &rows_info, &rows_sized};
    const char *allocator = count > 1 ? arguments[1] : "any";
    const char *only = count > 2 ? arguments[2] : "";
    const char *origin = origin_of_malloc();
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct tally tally = {0, 0, 0};
    /* Up to which mark a row must hold: cairn owes all of them. */
    int agrees_from = CAIRN_ONLY;
    if (strcmp(allocator, "cairn") == 0) {
        if (strstr(origin, "cairn") == NULL) {
            FAIL("malloc is not cairn's but comes from %s", origin);
        }
    } else if (strcmp(allocator, "glibc") == 0) {
        if (strstr(origin, "libc.so") == NULL) {
            FAIL("malloc is not glibc's but comes from %s", origin);
        }
        agrees_from = glibc_version();
    } else {
        agrees_from = -1;
    }
    for (size_t s = 0; s < sizeof subjects / sizeof subjects[0]; s++) {
        printf("-- %s\n", subjects[s]->subject);
        for (size_t r = 0; r < subjects[s]->count; r++) {
            if (strstr(subjects[s]->row[r].name, only) != NULL) {
                run_row(&subjects[s]->row[r], agrees_from, &tally);
            }
        }
    }
    printf("%u rows hold, %u fail, %u differ where they may; malloc of %s, glibc %s\n",
           tally.passed, tally.failed, tally.differing, origin, gnu_get_libc_version());
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}
