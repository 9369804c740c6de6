/* What the sub-commands share. */
#ifndef CAIRN_TOOLS_COMMAND_H
#define CAIRN_TOOLS_COMMAND_H

#include <stdnoreturn.h>

/* Exit statuses of cairn itself, those of env(1), so that they can be told from the program's. */
enum {
    STATUS_FAILED = 125,
    STATUS_NOT_EXECUTABLE = 126,
    STATUS_NOT_FOUND = 127,
};

struct command {
    const char *name;
    const char *purpose;
    /* argv[0] is the name that usage texts show. Returns the exit status. */
    int (*main)(int argc, char **argv);
};

int run_main(int argc, char **argv);
int symbolize_main(int argc, char **argv);

/* Ends with a sentence if something that was printed to stdout could not be written. */
void finish_output(void);

/* Prints one sentence to stderr, after "cairn: ". */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
__attribute__((format(printf, 2, 3))) noreturn void fail(int status, const char *format, ...);

#endif
