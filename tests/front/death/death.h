/* A death program makes one mistake with the heap, having said before which report it will cause.
 *
 * On stdout it prints the exact line that the library must write to stderr; then it makes the
 * mistake. The runner (run_death.c) compares. Nothing here allocates, so that the heap holds only
 * what the program itself put there. */
#ifndef CAIRN_TESTS_FRONT_DEATH_DEATH_H
#define CAIRN_TESTS_FRONT_DEATH_DEATH_H

#include <malloc.h>
#include <sys/syscall.h>

#include "support/testkit.h"

static inline long thread_id(void) { return syscall(SYS_gettid); }

/* Announce the report that the calling thread is about to cause with FUNCTION(p). */
#define EXPECT_REPORT(function, p, ...)                                    \
    do {                                                                   \
        say(1, "cairn: %s(0x%lx): ", function, (unsigned long)address(p)); \
        say(1, __VA_ARGS__);                                               \
        say(1, "; thread %ld\n", thread_id());                             \
    } while (0)

#define DOUBLE_FREE    "double free of an object of size class %zu"
#define USE_AFTER_FREE "use after free of an object of size class %zu"
#define INTERIOR       "pointer %zu bytes into an object of size class %zu that starts at 0x%lx"
#define INTERIOR_LARGE "pointer %zu bytes into a large object of %zu bytes that starts at 0x%lx"
#define SLAB_TAIL      "pointer behind the last object of a slab of size class %zu"
#define RELEASED       "pointer into memory that was released"
#define FOREIGN        "pointer that cairn never allocated"

/* An object of the given size, or the end of the test: the mistake needs one to be made with. */
static inline void *object_of(size_t size) {
    void *p = malloc(opaque_size(size));
    EXPECT(p != NULL);
    memset(p, 0x2a, size);
    return opaque(p);
}

static inline void *at_offset(void *p, size_t bytes) { return opaque((char *)p + bytes); }

#endif
