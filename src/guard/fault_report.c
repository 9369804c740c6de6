#include "guard/fault_report.h"

#include "core/report.h"
#include "guard/slots.h"

/* A handler that returns lets the access fail again: it is told once. */
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
    report_fault(&(struct finding){
        .what = FOUND_FAULT,
        .address = fault->address,
        .object = slot->object,
        .size = slot->size,
        .life = &slot->life,
        .instruction = fault->instruction,
        .is_write = fault->access == OS_FAULT_WRITE,
        .was_freed = slot_was_freed(slot),
    });
}
