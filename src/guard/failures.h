/* Allocations that fail on request: CAIRN_FAIL_NTH, CAIRN_FAIL_ONE_IN, and of these only the ones
 * that the code of one module asks for, CAIRN_FAIL_MODULE.
 *
 * Whose code asks says the return address: of a function of the C library that allocates for its
 * caller, strdup say, that is the C library's; of one that the compiler made jump to malloc as the
 * last thing that it does, its caller's.  Where modules lie is read from the kernel when an
 * address comes that none of those known so far has, so a library that takes the place of one that
 * was unloaded is taken for that one. */
#ifndef CAIRN_GUARD_FAILURES_H
#define CAIRN_GUARD_FAILURES_H

#include <stdbool.h>

#include "trace/stack.h"

/* Begins to count. */
void failures_start(void);

/* Whether the allocation that was called by way of `stack` is to fail.  For one thread at a
 * time. */
bool failures_next(const struct stack *stack);

#endif
