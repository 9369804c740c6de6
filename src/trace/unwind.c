#include <stddef.h>

#include "base/compiler.h"
#include "trace/stack.h"

/* The unwinder may read memory that is not there where the program's unwind tables are wrong, and
 * in an older C library it takes the loader's lock: _dl_find_object (glibc 2.35) is what it needs
 * to do without. */
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 35)
#define HAS_UNWINDER
#endif
#endif

#ifdef HAS_UNWINDER
#include <unwind.h>

#pragma weak _Unwind_Backtrace
#pragma weak _Unwind_GetIP
#pragma weak _dl_find_object
extern int _dl_find_object(void *address, void *result);

struct walk {
    struct stack *stack;
    unsigned skip;
};

static _Unwind_Reason_Code note(struct _Unwind_Context *context, void *argument) {
    struct walk *walk = argument;
    struct stack *stack = walk->stack;
    uintptr_t address = _Unwind_GetIP(context);
    if (address == 0 || stack->count == STACK_FRAMES) {
        return _URC_END_OF_STACK;
    }
    if (walk->skip > 0) {
        walk->skip--;
    } else {
        stack->frame[stack->count++] = address;
    }
    return _URC_NO_REASON;
}

/* Inlined, so that the unwinder's first frame is stack_unwind()'s. */
FAST_PATH void unwind(struct stack *stack, unsigned skip) {
    struct walk walk = {stack, skip};
    stack->count = 0;
    if (_Unwind_Backtrace != NULL && _Unwind_GetIP != NULL && _dl_find_object != NULL) {
        (void)_Unwind_Backtrace(note, &walk);
    }
}
#else
static inline void unwind(struct stack *stack, unsigned skip) {
    (void)skip;
    stack->count = 0;
}
#endif

/* The unwinder ends at code that has no tables, frame pointers at code that keeps none. */
__attribute__((noinline)) void stack_unwind(struct stack *stack, unsigned skip) {
    struct stack by_tables;
    stack_capture(stack, skip + 1);
    unwind(&by_tables, skip + 1);
    if (by_tables.count > stack->count) {
        *stack = by_tables;
    }
}
