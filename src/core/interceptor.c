#include "core/interceptor.h"

#include "core/threads.h"

const struct interceptor *interceptor;

void interceptor_set(const struct interceptor *next) {
    interceptor = next;
    threads_retire_heaps();
}

_Atomic(bool) kinds_are_told;

void kind_begin(bool holds_pointers) {
    /* relaxed: what other threads allocate meanwhile is of either time. */
    if (interceptor != NULL && !atomic_load_explicit(&kinds_are_told, memory_order_relaxed)) {
        atomic_store_explicit(&kinds_are_told, true, memory_order_relaxed);
    }
    thread_traits.holds_pointers = holds_pointers;
}

void kind_end(void) { thread_traits.holds_pointers = false; }
