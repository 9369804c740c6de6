/* A 64-bit word that one thread writes (its owner) and any thread may read.
 *
 * The owner changes it with one plain read-modify-write instruction: no lock prefix is needed,
 * as nobody else writes.  Readers see some value it had; they use it only where staleness does
 * no harm. In C11 that is a relaxed load and a relaxed store, which gcc 12 and clang 14 do not
 * merge into the one x86 instruction they are; nor do they find bt and bts behind an index
 * modulo 64.  Hence the assembly beside the portable version. */
#ifndef CAIRN_BASE_OWNER_WORD_H
#define CAIRN_BASE_OWNER_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

typedef _Atomic(uint64_t) owner_word;

/* relaxed: see above; ordering between threads comes from how the program hands objects over. */
static inline uint64_t owner_word_read(const owner_word *word) {
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void owner_word_write(owner_word *word, uint64_t value) {
    atomic_store_explicit(word, value, memory_order_relaxed);
}

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

/* Whether bit index % 64 of value is set. */
FAST_PATH bool bit_is_set(uint64_t value, uint64_t index) {
    bool is_set;
    __asm__("btq %2, %1" : "=@ccc"(is_set) : "r"(value), "r"(index));
    return is_set;
}

/* value with bit index % 64 set. */
FAST_PATH uint64_t with_bit(uint64_t value, uint64_t index) {
    __asm__("btsq %1, %0" : "+r"(value) : "r"(index) : "cc");
    return value;
}

#else

FAST_PATH bool bit_is_set(uint64_t value, uint64_t index) {
    return (value >> (index & 63) & 1) != 0;
}

FAST_PATH uint64_t with_bit(uint64_t value, uint64_t index) {
    return value | UINT64_C(1) << (index & 63);
}

#endif

#endif
