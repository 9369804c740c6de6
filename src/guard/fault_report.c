#include "guard/fault_report.h"

#include "base/text.h"
#include "core/report.h"
#include "guard/slots.h"
#include "trace/stack_depot.h"

static void add_stack(struct text *text, const char *what, uint32_t thread, uint32_t id) {
    struct stack stack;
    if (!stack_depot_find(id, &stack)) {
        return;
    }
    text_string(text, what);
    text_decimal(text, thread);
    text_string(text, " at");
    for (uint32_t i = 0; i < stack.count; i++) {
        text_string(text, " ");
        text_address(text, stack.frame[i]);
    }
    text_string(text, "\n");
}

static void show_history(const struct os_fault *fault, const struct life *life) {
    struct text text;
    text.length = 0;
    if (fault->instruction != 0) {
        text_string(&text, "  accessed by the instruction at ");
        text_address(&text, fault->instruction);
        text_string(&text, "\n");
    }
    add_stack(&text, "  allocated by thread ", life->allocated_thread, life->allocated_stack);
    add_stack(&text, "  freed by thread ", life->freed_thread, life->freed_stack);
    (void)text_write(&text, 2);
}

/* A handler that returns lets the access fail again: once is said. */
static bool is_news(struct slot *slot) {
    return slot != NULL && !atomic_exchange_explicit(&slot->reported, true, memory_order_relaxed);
}

void fault_report(const struct os_fault *fault) {
    if (!slots_are_made() || fault->address - slots_base() >= slots_bytes()) {
        return;
    }
    struct slot *slot = slot_nearest(fault->address);
    if (!is_news(slot)) {
        return;
    }
    struct finding finding = {
        .what = FOUND_FAULT,
        .address = fault->address,
        .object = slot->object,
        .size = slot->size,
        .life = &slot->life,
        .is_write = fault->access == OS_FAULT_WRITE,
        .was_freed = slot_was_freed(slot),
    };
    report_show("fault", &finding);
    show_history(fault, &slot->life);
}
