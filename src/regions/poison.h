/* Telling the address sanitizer which bytes nobody may touch.
 *
 * The library is not built with it; the program may be.  Then the sanitizer's run time is in the
 * process, and these weak symbols are found there. */
#ifndef CAIRN_REGIONS_POISON_H
#define CAIRN_REGIONS_POISON_H

#include <stdbool.h>
#include <stddef.h>

extern void __asan_poison_memory_region(const volatile void *address, size_t size)
    __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *address, size_t size)
    __attribute__((weak));

static inline bool poison_is_possible(void) {
    return __asan_poison_memory_region != NULL && __asan_unpoison_memory_region != NULL;
}

/* Both only where it is possible. */
static inline void poison(const void *address, size_t size) {
    __asan_poison_memory_region(address, size);
}

static inline void unpoison(const void *address, size_t size) {
    __asan_unpoison_memory_region(address, size);
}

#endif
