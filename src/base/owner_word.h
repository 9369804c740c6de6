/* A 64-bit word that one thread writes (its owner) and any thread may read.
 *
 * The owner changes it with one plain read-modify-write instruction: no lock prefix is needed, as
 * nobody else writes.  Readers see some value it had; they use it only where staleness does no harm.
 * In C11 that is a relaxed load and a relaxed store, which gcc 12 and clang 14 do not merge into the one
 * x86 instruction they are; hence the assembly beside the portable version. */
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

/* Flips the bits of mask. */
FAST_PATH void owner_word_flip(owner_word *word, uint64_t mask) {
    __asm__("xorq %1, %0" : "+m"(*word) : "r"(mask) : "cc");
}

/* Sets bit index % 64; returns whether it was set already (then nothing was written). */
FAST_PATH bool owner_word_test_and_set(owner_word *word, uint64_t index) {
    uint64_t value = owner_word_read(word);
    bool was_set;
    __asm__("btsq %2, %0" : "+r"(value), "=@ccc"(was_set) : "r"(index));
    if (unlikely(was_set)) {
        return true;
    }
    owner_word_write(word, value);
    return false;
}

/* Counts down by one; returns whether it is zero now. */
FAST_PATH bool owner_word_decrement(owner_word *word) {
    bool zero;
    __asm__("decq %0" : "+m"(*word), "=@ccz"(zero));
    return zero;
}

#else

FAST_PATH void owner_word_flip(owner_word *word, uint64_t mask) {
    owner_word_write(word, owner_word_read(word) ^ mask);
}

FAST_PATH bool owner_word_test_and_set(owner_word *word, uint64_t index) {
    uint64_t value = owner_word_read(word);
    uint64_t bit = UINT64_C(1) << (index & 63);
    if (unlikely((value & bit) != 0)) {
        return true;
    }
    owner_word_write(word, value | bit);
    return false;
}

FAST_PATH bool owner_word_decrement(owner_word *word) {
    uint64_t value = owner_word_read(word) - 1;
    owner_word_write(word, value);
    return value == 0;
}

#endif

#endif
