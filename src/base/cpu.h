/* What the processor can do beyond the baseline of its instruction set, found out at start.  Until
 * then, and on other processors, the portable way is taken. */
#ifndef CAIRN_BASE_CPU_H
#define CAIRN_BASE_CPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"

void cpu_start(void);

#if defined(__x86_64__)

/* popcnt, which came after the first processors of x86-64.  Written at start only. */
extern _Atomic(bool) cpu_has_popcnt;

/* count_bits() where it is called so often that a branch pays. */
FAST_PATH unsigned cpu_count_bits(uint64_t word) {
    /* relaxed: either way the result is the same. */
    if (likely(atomic_load_explicit(&cpu_has_popcnt, memory_order_relaxed))) {
        __asm__("popcntq %0, %0" : "+r"(word) : : "cc");
        return (unsigned)word;
    }
    return count_bits(word);
}

#else

FAST_PATH unsigned cpu_count_bits(uint64_t word) { return count_bits(word); }

#endif

#endif
