#include "base/cpu.h"

#include "support/core.h"
#include "support/random.h"

static void expect_right_counts(void) {
    uint64_t state = 1;
    assert_int_equal(cpu_count_bits(0), 0);
    assert_int_equal(cpu_count_bits(~UINT64_C(0)), 64);
    for (int i = 0; i < 10000; i++) {
        uint64_t word = random_next(&state) & random_next(&state);
        assert_int_equal(cpu_count_bits(word), count_bits(word));
    }
}

/* Before and after start, on a processor with the instruction and on one without. */
static void test_counts_of_bits(void **state) {
    (void)state;
    expect_right_counts();
    cpu_start();
    expect_right_counts();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_of_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
