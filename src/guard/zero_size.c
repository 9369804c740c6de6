#include "guard/zero_size.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "core/size_class.h"
#include "os/os.h"

enum { WORDS = ZERO_SIZE_MAX / 64 };

static uintptr_t base;                /* 0: there are none; written once, at the start */
static _Atomic(uint64_t) live[WORDS]; /* bit i % 64 of word i / 64: object i is live */
static _Atomic(uint32_t) turn;        /* word that is looked at next */

void zero_size_start(void) {
    base = (uintptr_t)os_reserve((size_t)ZERO_SIZE_MAX * GRANULE, os_page_size());
}

static void *take_from(unsigned w) {
    uint64_t word = atomic_load_explicit(&live[w], memory_order_relaxed);
    while (word != ~UINT64_C(0)) {
        unsigned bit = lowest_bit(~word);
        /* relaxed: there is nothing behind an address that could be seen too early. */
        if (atomic_compare_exchange_weak_explicit(&live[w], &word, word | UINT64_C(1) << bit,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return (void *)(base + (w * UINT64_C(64) + bit) * GRANULE);
        }
    }
    return NULL;
}

void *zero_size_take(void) {
    for (unsigned i = 0; base != 0 && i < WORDS; i++) {
        unsigned w = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % WORDS;
        void *object = take_from(w);
        if (object != NULL) {
            return object;
        }
    }
    return NULL;
}

static size_t number_of(const void *pointer) { return ((uintptr_t)pointer - base) / GRANULE; }

enum zero_size zero_size_find(const void *pointer) {
    if (base == 0 || number_of(pointer) >= ZERO_SIZE_MAX || (uintptr_t)pointer % GRANULE != 0) {
        return ZERO_SIZE_NONE;
    }
    size_t i = number_of(pointer);
    uint64_t word = atomic_load_explicit(&live[i / 64], memory_order_relaxed);
    return (word >> i % 64 & 1) != 0 ? ZERO_SIZE_LIVE : ZERO_SIZE_FREE;
}

bool zero_size_give(void *pointer) {
    size_t i = number_of(pointer);
    uint64_t bit = UINT64_C(1) << i % 64;
    return (atomic_fetch_and_explicit(&live[i / 64], ~bit, memory_order_relaxed) & bit) != 0;
}
