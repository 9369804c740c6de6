/* The depot: each distinct call stack once, under a small number.
 *
 * What is kept stays until the process ends.  Memory comes from the system directly, as it is
 * needed, and is bounded: 32 MiB of stacks, which are some 250,000 of ten frames each.
 *
 * Any thread, any time, signal handlers too; allocates nothing, takes no lock. */
#ifndef CAIRN_TRACE_STACK_DEPOT_H
#define CAIRN_TRACE_STACK_DEPOT_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/stack.h"

/* The number of a stack with these addresses, the same for the same addresses.  0: there is no room
 * any more, or the stack is empty.  Some 20 ns if it is known. */
uint32_t stack_depot_keep(const struct stack *stack);

/* False: there is none of this number; then *stack is empty. */
bool stack_depot_find(uint32_t id, struct stack *stack);

#endif
