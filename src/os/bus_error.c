#include "os/bus_error.h"

#include <stdatomic.h>

#include "os/fault.h"

static _Atomic(uintptr_t) handler; /* a function (*)(uintptr_t); never changes once set */

static void on_fault(const struct os_fault *fault) {
    uintptr_t handle = atomic_load_explicit(&handler, memory_order_relaxed);
    ((void (*)(uintptr_t))handle)(fault->address);
}

int os_on_bus_error(void (*handle)(uintptr_t address)) {
    /* relaxed: set before a handler is installed. */
    atomic_store_explicit(&handler, (uintptr_t)handle, memory_order_relaxed);
    return os_on_fault(OS_FAULT_BUS, on_fault);
}

bool os_admit_bus_errors(bool admit) { return os_admit_faults(OS_FAULT_BUS, admit); }
