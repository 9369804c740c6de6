#include "guard/fault_report.h"

#include <string.h>

#include "core/report.h"
#include "guard/slots.h"
#include "trace/stack.h"

/* A handler that returns lets the access fail again: it is told once. */
static bool is_news(struct slot *slot) {
    return slot != NULL && !atomic_exchange_explicit(&slot->reported, true, memory_order_relaxed);
}

/* The stack that the signal interrupted: what the unwinder finds beyond the handler's own frames,
 * or what frame pointers tell.  One byte on, the instruction is like a return address: those name
 * the instruction before them. */
static void capture(struct stack *stack, const struct os_fault *fault) {
    stack_unwind(stack, 0);
    uint32_t own = 0;
    while (own < stack->count && stack->frame[own] != fault->instruction) {
        own++;
    }
    if (own == stack->count) {
        stack_capture_at(stack, fault->instruction, fault->frame);
    } else {
        stack->count -= own;
        memmove(stack->frame, stack->frame + own, stack->count * sizeof *stack->frame);
    }
    stack->frame[0]++;
}

void fault_report(const struct os_fault *fault) {
    if (!slots_are_made() || fault->address - slots_base() >= slots_bytes()) {
        return;
    }
    struct slot *slot = slot_nearest(fault->address);
    if (!is_news(slot)) {
        return;
    }
    struct stack stack;
    capture(&stack, fault);
    report_fault(&(struct finding){
        .what = FOUND_FAULT,
        .address = fault->address,
        .object = slot->object,
        .size = slot->size,
        .life = &slot->life,
        .stack = fault->instruction != 0 ? &stack : NULL,
        .is_write = fault->access == OS_FAULT_WRITE,
        .was_freed = slot_was_freed(slot),
    });
}
