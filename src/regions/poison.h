/* Free memory inside regions, as AddressSanitizer of the user's program sees it, or Valgrind's
 * memcheck, under which it runs.
 *
 * A program built with -fsanitize=address brings the functions below along; in any other they are
 * NULL.  Without either nothing happens.  Addresses are multiples of 8, the sanitizer's grain;
 * poisoned memory is not to be read or written by the library either, nor given back. */
#ifndef CAIRN_REGIONS_POISON_H
#define CAIRN_REGIONS_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/valgrind.h"

__attribute__((weak)) void __asan_poison_memory_region(const volatile void *address, size_t size);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *address, size_t size);

/* Written by poison_start(). */
extern bool poison_under_valgrind;

/* Before there are any regions. */
void poison_start(void);

static inline bool poison_is_active(void) {
    return __asan_poison_memory_region != NULL || poison_under_valgrind;
}

static inline void poison(uintptr_t address, size_t size) {
    if (unlikely(poison_under_valgrind)) {
        (void)valgrind_request(VALGRIND_MAKE_MEM_NOACCESS, address, size);
    } else if (unlikely(__asan_poison_memory_region != NULL)) {
        __asan_poison_memory_region((void *)address, size);
    }
}

/* Memcheck takes it as written to: objects of caches keep what is in them. */
static inline void unpoison(uintptr_t address, size_t size) {
    if (unlikely(poison_under_valgrind)) {
        (void)valgrind_request(VALGRIND_MAKE_MEM_DEFINED, address, size);
    } else if (unlikely(__asan_unpoison_memory_region != NULL)) {
        __asan_unpoison_memory_region((void *)address, size);
    }
}

#endif
