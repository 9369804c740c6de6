/* What module tests share: cmocka, allocation through the fast paths, and the checker as an
 * assertion. */
#ifndef CAIRN_TESTS_SUPPORT_CORE_H
#define CAIRN_TESTS_SUPPORT_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "core/block.h"
#include "core/checker.h"
#include "core/fast.h"

static inline void free_slowly(void *pointer) { free_slow("free", pointer); }

static inline void *take(size_t size) { return fast_allocate(size); }
static inline void *take_zeroed(size_t size) { return fast_allocate_zeroed(size); }
static inline void give(void *pointer) { fast_free(pointer, free_slowly); }
static inline void *resize(void *pointer, size_t size) {
    return reallocate("realloc", pointer, size);
}

static inline void assert_holds(bool holds, const struct checker_finding *finding) {
    if (!holds) {
        fail_msg("the checker found at 0x%lx that this is violated: %s",
                 (unsigned long)finding->address, finding->what);
    }
}

static inline void assert_intact(void) {
    struct checker_finding finding;
    bool holds = checker_run(&finding);
    assert_holds(holds, &finding);
}

/* Of a test's set-up: nothing is left of the test before it. */
static inline int empty_heap(void **state) {
    (void)state;
    give(take(16));
    threads_flush();
    assert_intact();
    assert_int_equal(block_totals.taken, 0);
    return 0;
}

/* Runs function(argument) in a thread of its own and waits for its end. */
static inline void in_thread(void *(*function)(void *), void *argument) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static inline void *give_in_thread(void *pointer) {
    give(pointer);
    return NULL;
}

/* Frees an object from a thread that does not own it. */
static inline void give_remotely(void *pointer) { in_thread(give_in_thread, pointer); }

#endif
