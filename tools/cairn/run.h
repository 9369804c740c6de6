/* Running a program, with or without cairn. */
#ifndef CAIRN_TOOLS_RUN_H
#define CAIRN_TOOLS_RUN_H

#include <stdnoreturn.h>

struct preload {
    const char *library; /* path of libcairn.so */
    const char *summary; /* value of CAIRN_SUMMARY, or NULL */
};

/* Puts the library into this process's environment, before what others have preloaded. */
void use_cairn(const struct preload *preload);

/* Says why the program could not be executed, by the errno of execvp, and exits. */
noreturn void fail_to_execute(const char *program, int reason);

/* Runs the program under libc's malloc, then under cairn; prints a table of both. Returns the exit
 * status of the second run; if a signal ended that, ends this process by the same. */
int compare(char **program, const struct preload *preload);

#endif
