/* Free memory inside regions, as AddressSanitizer of the user's program sees it.
 *
 * A program built with -fsanitize=address brings these functions along; in any other they are
 * NULL and nothing happens.  Addresses are multiples of 8, its grain; poisoned memory is not to
 * be read or written by the library either, nor given back. */
#ifndef CAIRN_REGIONS_POISON_H
#define CAIRN_REGIONS_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

__attribute__((weak)) void __asan_poison_memory_region(const volatile void *address, size_t size);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *address, size_t size);

static inline bool poison_is_active(void) { return __asan_poison_memory_region != NULL; }

static inline void poison(uintptr_t address, size_t size) {
    if (unlikely(poison_is_active())) {
        __asan_poison_memory_region((void *)address, size);
    }
}

static inline void unpoison(uintptr_t address, size_t size) {
    if (unlikely(poison_is_active())) {
        __asan_unpoison_memory_region((void *)address, size);
    }
}

#endif
