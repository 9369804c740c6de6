#include "core/purge_cap.h"

#include <unistd.h>

#include "support/core.h"

enum { SHARE = 16, CONSTANT = 32, TAKEN = 3200, BASE = TAKEN / SHARE + CONSTANT };

static void test_base(void **state) {
    (void)state;
    assert_int_equal(purge_cap(0), CONSTANT);
    assert_int_equal(purge_cap(SHARE - 1), CONSTANT);
    assert_int_equal(purge_cap(TAKEN), BASE);
    purge_cap_note_level(10 * TAKEN, 0);
    assert_int_equal(purge_cap(TAKEN), BASE); /* nothing was missed */
}

/* What is taken again soon after it was purged is kept the next time; never more than that. */
static void test_learning(void **state) {
    (void)state;
    purge_cap_note_taken(50);
    assert_int_equal(purge_cap(TAKEN), BASE); /* nothing was purged */
    purge_cap_note_purged(100);
    assert_int_equal(purge_cap(TAKEN), BASE);
    purge_cap_note_taken(30);
    assert_int_equal(purge_cap(TAKEN), BASE + 30);
    purge_cap_note_taken(200);
    assert_int_equal(purge_cap(TAKEN), BASE + 100);
}

/* Nor so much that the heap gets larger than it was lately, and a quarter. */
static void test_limit(void **state) {
    (void)state;
    size_t high = 10 * TAKEN, limit = high + high / 4;
    purge_cap_note_purged(high);
    purge_cap_note_taken(high);
    assert_int_equal(purge_cap(TAKEN), BASE + high + 100);
    assert_int_equal(purge_cap(high), high / SHARE + CONSTANT + limit - high);
    assert_int_equal(purge_cap(limit), limit / SHARE + CONSTANT);
}

static size_t learned(void) { return purge_cap(TAKEN) - BASE; }

static void let_windows_pass(unsigned windows) {
    (void)usleep(windows * PURGE_WINDOW_MS * 1000 + 100000);
}

/* What lay dirty all through a window was kept in vain, and half of it is forgotten; what a swing
 * used up in between was not. */
static void test_forgetting(void **state) {
    (void)state;
    size_t before = learned();
    assert_true(before >= 10 * TAKEN);
    purge_cap_note_level(10 * TAKEN, 0);
    let_windows_pass(1);
    purge_cap_note_level(TAKEN, 9 * TAKEN);
    assert_int_equal(learned(), before);
    let_windows_pass(1);
    purge_cap_note_level(TAKEN, 9 * TAKEN);
    assert_true(learned() > 0 && learned() < before - 4 * TAKEN);
    let_windows_pass(3);
    purge_cap_note_level(TAKEN, 9 * TAKEN);
    assert_int_equal(learned(), TAKEN / 4 < before ? TAKEN + TAKEN / 4 - TAKEN : before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_base), cmocka_unit_test(test_learning),
                                       cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_forgetting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
