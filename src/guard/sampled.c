#include "guard/sampled.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "core/report.h"
#include "core/sampling.h"
#include "guard/budget.h"
#include "guard/fault_report.h"
#include "guard/slots.h"
#include "os/fault.h"
#include "os/os.h"
#include "trace/stack.h"
#include "trace/stack_depot.h"

/* One object in so many lies behind its guard page instead of before it: programs run over the ends
 * of objects more than over their beginnings. */
enum { BEFORE_ONE_IN = 4 };

/* relaxed: it is read when the slots are made. */
static _Atomic(size_t) wanted_slots = SLOTS_DEFAULT;

static _Atomic(uint64_t) missed;
static _Atomic(uint32_t) placed; /* objects, for the choice of the side */

/* --- an object's life ------------------------------------------------------------------------- */

/* The allocator's own calls are in it; reports leave them out. */
static uint32_t keep_stack(void) {
    struct stack stack;
    stack_capture(&stack, 0);
    return stack_depot_keep(&stack);
}

/* Multiplied by the golden ratio, numbers that follow each other are far apart. */
static bool lies_before(void) {
    uint32_t number = atomic_fetch_add_explicit(&placed, 1, memory_order_relaxed);
    return number * UINT32_C(0x9e3779b9) >> 16 < UINT32_C(0x10000) / BEFORE_ONE_IN;
}

static void *miss(void) {
    (void)atomic_fetch_add_explicit(&missed, 1, memory_order_relaxed);
    return NULL;
}

void sampled_watch_faults(void) { (void)os_on_fault(OS_FAULT_SEGMENT, fault_report); }

static void *take(size_t size, size_t alignment) {
    uint64_t begin;
    if (!slot_fits(size, alignment) || !budget_begin(&begin)) {
        return miss();
    }
    sampled_watch_faults();
    struct slot *slot = slot_take();
    if (slot == NULL) {
        return miss();
    }
    if (!slot_open(slot, size, alignment, lies_before())) {
        slot_close(slot);
        return miss();
    }
    slot->life = (struct life){
        .asked = size,
        .allocated_stack = keep_stack(),
        .allocated_thread = os_thread_id(),
        .allocated_ms = os_clock_ms(),
    };
    void *object = (void *)slot->object;
    slot_publish(slot);
    budget_end(begin);
    return object;
}

static bool find(uintptr_t address, size_t *usable) {
    const struct slot *slot = slot_at(address);
    if (atomic_load_explicit(&slot->state, memory_order_acquire) != SLOT_LIVE ||
        slot->object != address) {
        return false;
    }
    *usable = slot->size;
    return true;
}

void sampled_describe(uintptr_t address, struct finding *finding) {
    const struct slot *slot = slot_nearest(address);
    *finding = (struct finding){.what = FOUND_FOREIGN, .address = address};
    if (slot != NULL) {
        finding->object = slot->object;
        finding->size = slot->size;
        finding->life = &slot->life;
        finding->what = address == slot->object               ? FOUND_FREE
                        : address - slot->object < slot->size ? FOUND_INTERIOR
                                                              : FOUND_FOREIGN;
    }
}

/* An attribute, as _Noreturn is no part of a function's type to clang. */
__attribute__((noreturn)) static void report(const char *function, uintptr_t address) {
    struct finding finding;
    sampled_describe(address, &finding);
    report_bad_pointer(function, &finding);
}

static void give(const char *function, uintptr_t address) {
    struct slot *slot = slot_at(address);
    if (slot->object != address || !slot_claim(slot)) {
        struct finding finding;
        sampled_describe(address, &finding);
        report_finding(function, &finding);
        return;
    }
    uint64_t begin = budget_now();
    struct finding finding = {
        .address = address, .object = address, .size = slot->size, .life = &slot->life};
    if (!slot_margins_hold(slot, &finding)) {
        report_finding(function, &finding);
    }
    slot->life.freed_stack = keep_stack();
    slot->life.freed_thread = os_thread_id();
    slot->life.freed_ms = os_clock_ms();
    slot_close(slot);
    budget_end(begin);
}

/* --- what core asks --------------------------------------------------------------------------- */

static void count(struct sample_counts *counts) {
    struct slots_counts of_slots;
    slots_count(&of_slots);
    *counts = (struct sample_counts){
        .live_objects = of_slots.live,
        .live_bytes = of_slots.live_bytes,
        .taken = of_slots.taken,
        .missed = atomic_load_explicit(&missed, memory_order_relaxed),
    };
}

static bool check(struct checker_finding *finding) {
    uintptr_t where;
    const char *what = slots_problem(&where);
    if (what != NULL) {
        *finding = (struct checker_finding){what, where};
    }
    return what == NULL;
}

static void after_fork(bool in_child) {
    if (in_child) {
        slots_after_fork_in_child();
    } else {
        slots_unlock();
    }
}

static struct sample_source source = {
    .take = take,
    .find = find,
    .give = give,
    .report = report,
    .before_fork = slots_lock,
    .after_fork = after_fork,
    .check = check,
    .count = count,
};

/* --- on and off ------------------------------------------------------------------------------- */

RUNS_ONCE void sampled_configure(size_t slots, size_t percent) {
    atomic_store_explicit(&wanted_slots, slots, memory_order_relaxed);
    budget_set(percent);
}

/* Lock held.  The slots and the source stay when it is off again: objects in them live on. */
static bool make_slots(size_t *slots, bool by_markers) {
    if (!slots_make(slots, by_markers)) {
        return false;
    }
    source.base = slots_base();
    source.size = slots_bytes();
    sampling_register(&source);
    return true;
}

static int start(void) {
    size_t slots = atomic_load_explicit(&wanted_slots, memory_order_relaxed);
    return slots_are_made() || make_slots(&slots, false) ? 0 : ENOMEM;
}

bool sampled_make_slots(size_t *slots) {
    slots_lock();
    bool is_made = !slots_are_made() && make_slots(slots, true);
    slots_unlock();
    return is_made;
}

int sampled_set_rate(size_t one_in) {
    if (one_in != 0) {
        int error = os_on_fault(OS_FAULT_SEGMENT, fault_report);
        if (error == 0) {
            slots_lock();
            error = start();
            slots_unlock();
        }
        if (error != 0) {
            return error;
        }
    }
    sampling_set_rate(one_in);
    return 0;
}
