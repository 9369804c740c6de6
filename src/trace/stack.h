/* Call stacks: how the calling thread came to where it is, as return addresses and nothing more.
 *
 * Frame pointers are followed within the thread's stack; a chain that leads out of it or downwards
 * ends, and what was read stays.  Code that was compiled without frame pointers is missing, and
 * what called it may be.
 *
 * Allocates nothing, takes no lock, is async-signal-safe, keeps errno.  The first capture of a
 * thread reads where its stack is; later ones cost a few ns for each frame. */
#ifndef CAIRN_TRACE_STACK_H
#define CAIRN_TRACE_STACK_H

#include <stdint.h>

enum { STACK_FRAMES = 32 };

struct stack {
    uint32_t count;                /* count <= STACK_FRAMES */
    uintptr_t frame[STACK_FRAMES]; /* return addresses, of the innermost call first */
};

/* Fills in `stack`.  With `skip` 0 its first address lies in the function that calls this; that
 * many more of its callers are left out. */
void stack_capture(struct stack *stack, unsigned skip);

/* Fills in `stack` for code at `address` whose frame pointer is `frame`: for a signal handler,
 * which knows both of the code that it interrupted in the same thread.  Any two numbers will do. */
void stack_capture_at(struct stack *stack, uintptr_t address, uintptr_t frame);

/* stack_capture() by the compiler's unwinder, which needs no frame pointers, where it is linked to
 * the library.  It takes microseconds, and in a program whose stack or unwind tables are damaged it
 * may crash: for a process that is about to end. */
void stack_unwind(struct stack *stack, unsigned skip);

#endif
