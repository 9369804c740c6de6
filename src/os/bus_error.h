/* SIGBUS, the signal of memory that is mapped but has nothing behind it: a file that has been cut
 * short, a disk that cannot be read, a full file system.
 *
 * See os/fault.h, which it is a part of. */
#ifndef CAIRN_OS_BUS_ERROR_H
#define CAIRN_OS_BUS_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* From now on, until the program installs another handler, each fault is shown to `handle`, in the
 * thread and at the place where it happened: async-signal-safe code only.  It leaves by siglongjmp,
 * or returns for what is not its own.  The same function in every call.  0 or an errno (EAGAIN: the
 * program has installed more than eight different handlers in turn); errno is kept. */
int os_on_bus_error(void (*handle)(uintptr_t address));

/* Lets the signal reach the calling thread or holds it back; says which it was.  A fault while it
 * is held back ends the process.  Keeps errno. */
bool os_admit_bus_errors(bool admit);

#endif
