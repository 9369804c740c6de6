/* Beginning and end of the library's life in a process.
 *
 * All of it works before the constructor and after the destructor too: what they add is what needs
 * the environment or libc.  They run in a program that is linked with the library, under
 * LD_PRELOAD, and when it is loaded late. */
#include "core/threads.h"

/* 101: as early as a program may ask for, and correspondingly late at the end. */
__attribute__((constructor(101))) static void start(void) { threads_start(); }
