/* Asserts that a function ends the process with abort() and a certain text on stderr. */
#ifndef CAIRN_TESTS_SUPPORT_DIES_H
#define CAIRN_TESTS_SUPPORT_DIES_H

#include <signal.h>
#include <string.h>

#include "support/child.h"
#include "support/core.h"

static inline void assert_dies(void (*function)(void *), void *argument, const char *text) {
    int ends[2];
    char output[4096] = "";
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], 2);
        function(argument);
        _exit(0);
    }
    (void)close(ends[1]);
    for (ssize_t n = 1; n > 0 && length < sizeof output - 1; length += (size_t)n) {
        n = read(ends[0], output + length, sizeof output - 1 - length);
        n = n < 0 ? 0 : n;
    }
    (void)close(ends[0]);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || strstr(output, text) == NULL) {
        fail_msg("expected an abort with \"%s\"; status 0x%x and: %s", text, (unsigned)status,
                 output);
    }
}

#endif
