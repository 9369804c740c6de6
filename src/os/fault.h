/* The signals of accesses that fail, SIGBUS and SIGSEGV, for whoever knows what some of them mean.
 *
 * The handler hands on what is not its own to whoever was there before it, as the kernel would
 * have called him.  A program that installs a handler of its own later is found out at the next
 * call, and may itself hand on to the one it found. */
#ifndef CAIRN_OS_FAULT_H
#define CAIRN_OS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum os_fault_kind {
    OS_FAULT_BUS,     /* SIGBUS: mapped, and nothing behind it */
    OS_FAULT_SEGMENT, /* SIGSEGV: not mapped, or not so */
    OS_FAULT_KINDS
};

enum os_fault_access { OS_FAULT_READ, OS_FAULT_WRITE, OS_FAULT_OTHER /* not known */ };

struct os_fault {
    uintptr_t address; /* that was accessed */
    enum os_fault_access access;
    uintptr_t instruction; /* which did it; 0: not known */
    uintptr_t frame;       /* frame pointer of its function, if that has one */
};

/* Async-signal-safe code only; leaves by siglongjmp, or returns: then the signal is handed on. */
typedef void os_fault_handler(const struct os_fault *fault);

/* From now on, until the program installs another handler, each fault of the kind is shown to
 * `handle`, in the thread and at the place where it happened.  The same function in every call for
 * a kind.  0 or an errno (EAGAIN: the program has installed more than eight different handlers in
 * turn); errno is kept. */
int os_on_fault(enum os_fault_kind kind, os_fault_handler *handle);

/* Lets the signal reach the calling thread or holds it back; says which it was.  A fault while it
 * is held back ends the process.  Keeps errno. */
bool os_admit_faults(enum os_fault_kind kind, bool let_in);

#endif
