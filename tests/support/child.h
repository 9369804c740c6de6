/* Running a function in a child process, for what ends the process or needs a fresh heap. */
#ifndef CAIRN_TESTS_SUPPORT_CHILD_H
#define CAIRN_TESTS_SUPPORT_CHILD_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Outside cmocka's reach: says what failed and ends the process. */
#define REQUIRE(holds)                                                            \
    do {                                                                          \
        if (!(holds)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #holds); \
            abort();                                                              \
        }                                                                         \
    } while (0)

/* The child's wait status; it exits with what function(argument) returns. */
static inline int in_child(int (*function)(void *), void *argument) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(function(argument));
    }
    int status = -1;
    if (pid > 0) {
        (void)waitpid(pid, &status, 0);
    }
    return status;
}

#endif
