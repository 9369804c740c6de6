#include "base/cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>

_Atomic(bool) cpu_has_popcnt;

RUNS_ONCE void cpu_start(void) {
    unsigned a, b, c, d;
    bool has = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_POPCNT) != 0;
    atomic_store_explicit(&cpu_has_popcnt, has, memory_order_relaxed);
}

#else

void cpu_start(void) {}

#endif
