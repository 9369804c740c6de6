/* Runs a scenario again and again, each time in a child, with the first, the second, ... call to
 * the kernel refused, until it gets through without a refusal. */
#ifndef CAIRN_TESTS_SUPPORT_SWEEP_H
#define CAIRN_TESTS_SUPPORT_SWEEP_H

#include "os/os_faulty.h"
#include "support/child.h"
#include "support/core.h"

/* What os_faulty_arm() is told. */
struct plan {
    unsigned kinds;
    size_t n;
    bool onwards;
};

/* run(plan) arms it, and returns whether anything was refused. */
static inline void sweep(int (*run)(void *plan), unsigned kinds, bool onwards) {
    for (size_t n = 1;; n++) {
        struct plan plan = {kinds, n, onwards};
        int status = in_child(run, &plan);
        if (!WIFEXITED(status)) {
            fail_msg("kinds 0x%x, call %zu%s refused: status 0x%x", kinds, n,
                     onwards ? " and all after it" : "", (unsigned)status);
        }
        if (WEXITSTATUS(status) == 0) {
            print_message("kinds 0x%05x: %zu calls refused in turn\n", kinds, n - 1);
            assert_true(n > 1); /* the scenario reaches each kind */
            return;
        }
    }
}

/* One call refused, and all calls from one on: of each of these kinds by itself. */
static inline void sweep_each(int (*run)(void *plan), const enum os_call *kinds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sweep(run, 1U << kinds[i], false);
        sweep(run, 1U << kinds[i], true);
    }
}

/* The same of any kind. */
static inline void sweep_all(int (*run)(void *plan)) {
    sweep(run, OS_ALL_CALLS, false);
    sweep(run, OS_ALL_CALLS, true);
}

#endif
