#include "core/purge_cap.h"

#include <unistd.h>

#include "support/core.h"

enum { CONSTANT = 32 };

static void test_share(void **state) {
    (void)state;
    assert_int_equal(purge_cap(0), CONSTANT);
    assert_int_equal(purge_cap(7), CONSTANT);
    assert_int_equal(purge_cap(800), 100 + CONSTANT);
}

/* What is taken again soon after it was purged is added; never more than was purged, and never more
 * than is in use and the constant. */
static void test_learning(void **state) {
    (void)state;
    purge_cap_note_taken(50, 1000);
    assert_int_equal(purge_cap(0), CONSTANT); /* nothing was purged */
    purge_cap_note_purged(100);
    assert_int_equal(purge_cap(0), CONSTANT);
    purge_cap_note_taken(30, 1000);
    assert_int_equal(purge_cap(0), CONSTANT + 30);
    purge_cap_note_taken(200, 1000);
    assert_int_equal(purge_cap(0), CONSTANT + 100);
    purge_cap_note_purged(5000);
    purge_cap_note_taken(5000, 100);
    assert_int_equal(purge_cap(0), CONSTANT + 100 + CONSTANT);
}

/* A second without a miss halves what was learned. */
static void test_forgetting(void **state) {
    (void)state;
    size_t learned = purge_cap(0) - CONSTANT;
    assert_true(learned >= 100);
    (void)usleep(1100000);
    purge_cap_note_purged(0);
    size_t left = purge_cap(0) - CONSTANT;
    assert_true(left <= learned / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_share),
                                       cmocka_unit_test(test_learning),
                                       cmocka_unit_test(test_forgetting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
