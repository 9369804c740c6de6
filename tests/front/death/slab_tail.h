/* Find the unused bytes behind the last object of a slab, from outside: objects of one class follow
 * one another, and where one slab ends and the next begins there is a gap of less than an object.
 */
#ifndef CAIRN_TESTS_FRONT_DEATH_SLAB_TAIL_H
#define CAIRN_TESTS_FRONT_DEATH_SLAB_TAIL_H

#include "death.h"

enum { TAIL_OBJECTS = 8192, TAIL_CLASS = 112, SLAB_ALIGNMENT = 16 * 1024 };

static inline int compare_addresses(const void *a, const void *b) {
    uintptr_t left = *(const uintptr_t *)a;
    uintptr_t right = *(const uintptr_t *)b;
    return left < right ? -1 : left > right;
}

/* A pointer into the tail of a slab that is full, and the class of that slab. */
static inline void *find_slab_tail(size_t *class) {
    static uintptr_t place[TAIL_OBJECTS];
    for (size_t i = 0; i < TAIL_OBJECTS; i++) {
        place[i] = address(object_of(TAIL_CLASS));
    }
    qsort(place, TAIL_OBJECTS, sizeof place[0], compare_addresses);
    *class = TAIL_CLASS;
    for (size_t i = 0; i + 1 < TAIL_OBJECTS; i++) {
        uintptr_t end = place[i] + TAIL_CLASS;
        uintptr_t next = place[i + 1];
        if (next > end && next - end < TAIL_CLASS && next % SLAB_ALIGNMENT == 0) {
            return (void *)end;
        }
    }
    FAIL("no slab of class %d has a tail", TAIL_CLASS);
}

#endif
