/* The program to run, as a file. */
#ifndef CAIRN_TOOLS_PROGRAM_H
#define CAIRN_TOOLS_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

/* The file that execvp would run for name; false if there is none. */
bool find_program(const char *name, char path[PATH_MAX]);

/* Prints one line if the dynamic linker will not load a library into the program: a static one, one
 * that runs with more rights than its caller, or one of another architecture. */
void warn_if_not_preloadable(const char *name, const char *path);

#endif
