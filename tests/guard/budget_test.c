#include "guard/budget.h"

#include "os/os.h"
#include "support/core.h"

/* Spends `cost` again and again for `duration`; returns how much it was allowed to. */
static uint64_t spend_for(uint64_t duration, uint64_t cost) {
    uint64_t end = os_clock_ns() + duration, spent = 0, begin;
    while (os_clock_ns() < end) {
        if (budget_begin(&begin)) {
            uint64_t until = os_clock_ns() + cost;
            while (os_clock_ns() < until) {}
            budget_end(begin);
            spent += cost;
        }
    }
    return spent;
}

static void test_share(void **state) {
    (void)state;
    const uint64_t second = 1000000000, cost = 20000;
    budget_set(10);
    (void)spend_for(second / 4, cost); /* the bucket runs empty */
    uint64_t spent = spend_for(second / 2, cost);
    print_message("%.1f %% of the time\n", 200.0 * (double)spent / (double)second);
    assert_true(spent > second / 2 / 160 && spent < second / 2 / 36); /* a 40th */
}

static void test_burst_is_bounded(void **state) {
    (void)state;
    budget_set(1);
    uint64_t begin = budget_now(), spent = 0, at;
    while (budget_begin(&at)) {
        budget_end(at - 100000);
        spent += 100000;
    }
    print_message("%lu us after a pause\n", (unsigned long)(spent / 1000));
    assert_true(begin != 0 && spent >= BUDGET_BURST_NS / 4);
    assert_true(spent <= BUDGET_BURST_NS / 4 + 2000000);
}

static void test_no_bound(void **state) {
    (void)state;
    uint64_t begin;
    budget_set(100);
    for (int i = 0; i < 1000; i++) {
        assert_true(budget_begin(&begin));
        budget_end(begin);
    }
}

static void test_nothing(void **state) {
    (void)state;
    uint64_t begin;
    budget_set(0);
    assert_false(budget_begin(&begin));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_burst_is_bounded),
        cmocka_unit_test(test_no_bound),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
