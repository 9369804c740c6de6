/* The core as a heap under test: as malloc and its kin call it, without their names. */
#ifndef CAIRN_TESTS_STRESS_CORE_HEAP_H
#define CAIRN_TESTS_STRESS_CORE_HEAP_H

#include "core/fast.h"
#include "stress/shadow.h"

static void core_slow_free(void *object) { free_slow("free", object); }

static void *core_allocate(size_t size) { return fast_allocate(size); }

static void *core_allocate_zeroed(size_t count, size_t size) {
    return fast_allocate_zeroed(count * size);
}

static void *core_resize(void *object, size_t size) {
    return object == NULL ? fast_allocate(size) : reallocate("realloc", object, size);
}

static void core_release(void *object) { fast_free(object, core_slow_free); }

static size_t core_usable_size(void *object) { return usable_size("malloc_usable_size", object); }

static const struct heap_functions core_heap = {
    core_allocate, core_allocate_zeroed, core_resize, allocate_aligned,
    core_release,  core_usable_size,     NULL};

#endif
