/* A thread of the library's own, and how it learns that memory is short. */
#ifndef CAIRN_OS_WORKER_H
#define CAIRN_OS_WORKER_H

#include <stdbool.h>

/* Starts a thread that runs run(), which does not return: detached, with all signals blocked, under
 * a name of at most 15 bytes.  Uses the C library's threads, so it may call malloc on the calling
 * thread, and the caller must be able to serve that.  False if refused.  errno is kept. */
bool os_start_worker(void (*run)(void), const char *name);

/* Asks the kernel to tell when tasks of the control group (of the system, where the group has no
 * such file) have waited for memory for a tenth of some seconds (Linux 5.2).  A descriptor for
 * os_wait_for_pressure(); -1 if it can't. */
int os_watch_pressure(void);

/* Waits for `ms` milliseconds, or until the kernel tells of pressure on *watch, which is true.  A
 * descriptor that is not good any more becomes -1; -1 tells of nothing.  Keeps errno. */
bool os_wait_for_pressure(int *watch, int ms);

#endif
