#include "core/purge_cap.h"

#include <unistd.h>

#include "support/core.h"

enum { CONSTANT = 16, PLENTY = 1000000 };

static void test_share(void **state) {
    (void)state;
    assert_int_equal(purge_cap(0, 0), CONSTANT);
    assert_int_equal(purge_cap(31, 31), CONSTANT);
    assert_int_equal(purge_cap(3200, 3200), 100 + CONSTANT);
    assert_int_equal(purge_cap(3200, PLENTY), 100 + CONSTANT); /* nothing was missed */
}

/* What is taken again soon after it was purged is added; never more than was purged. */
static void test_learning(void **state) {
    (void)state;
    purge_cap_note_taken(50);
    assert_int_equal(purge_cap(0, PLENTY), CONSTANT); /* nothing was purged */
    purge_cap_note_purged(100);
    assert_int_equal(purge_cap(0, PLENTY), CONSTANT);
    purge_cap_note_taken(30);
    assert_int_equal(purge_cap(0, PLENTY), CONSTANT + 30);
    purge_cap_note_taken(200);
    assert_int_equal(purge_cap(0, PLENTY), CONSTANT + 100);
}

/* Nor more than half of what is in use and a constant; and the heap gets no larger than it was. */
static void test_limits(void **state) {
    (void)state;
    purge_cap_note_purged(5000);
    purge_cap_note_taken(5000);
    assert_int_equal(purge_cap(0, PLENTY), CONSTANT + 256);
    assert_int_equal(purge_cap(3200, PLENTY), 100 + CONSTANT + 1600 + 256);
    assert_int_equal(purge_cap(3200, 3205), 100 + CONSTANT + 5);
    assert_int_equal(purge_cap(3200, 3200), 100 + CONSTANT);
    assert_int_equal(purge_cap(32000, PLENTY), 1000 + CONSTANT + 5100);
}

static size_t learned(void) { return purge_cap(32000, PLENTY) - 1000 - CONSTANT; }

/* Each second without a miss halves what was learned. */
static void test_forgetting(void **state) {
    (void)state;
    size_t before = learned();
    assert_true(before >= 100);
    (void)usleep(1100000);
    purge_cap_note_purged(0);
    size_t once = learned();
    assert_true(once > 0 && once <= before / 2);
    (void)usleep(2100000);
    purge_cap_note_purged(0);
    assert_true(learned() <= once / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share), cmocka_unit_test(test_learning),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_forgetting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
