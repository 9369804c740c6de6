/* A scenario with samples is run again and again, with the first, the second, ... call to the
 * kernel refused.  Whatever is refused, each request is served, each object can be used and
 * freed, and the heap is in order; less is watched. */
#include "guard/sampled.h"

#include <errno.h>
#include <string.h>

#include "core/sampling.h"
#include "support/sweep.h"

enum { OBJECTS = 20, SLOTS = 6 };

static void require_intact(void) {
    struct checker_finding finding;
    if (!checker_run(&finding)) {
        fprintf(stderr, "violated at 0x%lx: %s\n", (unsigned long)finding.address, finding.what);
        abort();
    }
}

static size_t size_of(size_t i) { return i % 7 == 0 ? 20000 : 10 + i * 37 % 3000; }

static int scenario(void *argument) {
    const struct plan *plan = argument;
    for (size_t i = 0; i < OBJECTS; i++) {
        give(take(size_of(i))); /* memory for all of them, before anything is refused */
    }
    sampled_configure(SLOTS, 100);
    os_faulty_arm(plan->kinds, plan->n, plan->onwards);
    int error = sampled_set_rate(2);
    REQUIRE(error == 0 || error == ENOMEM || error == EIO);
    REQUIRE(error == 0 || sampling_rate() == 0);
    char *objects[OBJECTS];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < OBJECTS; i++) {
            objects[i] = i % 3 == 0 ? take_zeroed(size_of(i)) : take(size_of(i));
            REQUIRE(objects[i] != NULL);
            REQUIRE(i % 3 != 0 || objects[i][size_of(i) - 1] == 0);
            memset(objects[i], 1, size_of(i));
        }
        require_intact();
        for (size_t i = 0; i < OBJECTS; i++) {
            REQUIRE(objects[i][0] == 1 && objects[i][size_of(i) - 1] == 1);
            objects[i] = resize(objects[i], size_of(i) / 2);
            REQUIRE(objects[i] != NULL && objects[i][0] == 1);
            give(objects[i]);
        }
        require_intact();
    }
    return os_faulty_failures() != 0;
}

static const unsigned kinds[] = {1 << OS_CALL_RESERVE, 1 << OS_CALL_MAP,     1 << OS_CALL_COMMIT,
                                 1 << OS_CALL_DISCARD, 1 << OS_CALL_PROTECT, 1 << OS_CALL_FAULT};

static void test_each_call_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        sweep(scenario, kinds[i], false);
    }
}

static void test_all_from_each_on_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i] != 1 << OS_CALL_COMMIT) { /* the heap itself needs that */
            sweep(scenario, kinds[i], true);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_refused),
        cmocka_unit_test(test_all_from_each_on_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
