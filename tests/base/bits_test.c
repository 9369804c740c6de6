#include "base/bits.h"

#include "support/core.h"
#include "support/random.h"

static void test_rounding(void **state) {
    (void)state;
    for (size_t n = 0; n < 5000; n++) {
        for (size_t to = 1; to <= 4096; to *= 2) {
            assert_int_equal(round_up(n, to), (n + to - 1) / to * to);
            assert_int_equal(round_down(n, to), n / to * to);
        }
    }
    assert_true(round_down(SIZE_MAX, 4096) == SIZE_MAX - 4095);
}

static void test_powers_of_two(void **state) {
    (void)state;
    assert_false(is_power_of_two(0));
    assert_int_equal(next_power_of_two(0), 1);
    for (unsigned i = 0; i < 64; i++) {
        size_t power = (size_t)1 << i;
        assert_true(is_power_of_two(power));
        assert_true(next_power_of_two(power) == power);
        if (i >= 2) {
            assert_false(is_power_of_two(power - 1));
            assert_false(is_power_of_two(power + 1));
            assert_true(next_power_of_two(power - 1) == power);
        }
        if (i < 63) {
            assert_true(next_power_of_two(power + 1) == power * 2);
        }
    }
}

static unsigned count_slowly(uint64_t word) {
    unsigned count = 0;
    for (; word != 0; word >>= 1) {
        count += word & 1;
    }
    return count;
}

static void test_counting(void **state) {
    (void)state;
    uint64_t random = 1;
    assert_int_equal(count_bits(0), 0);
    assert_int_equal(count_bits(~UINT64_C(0)), 64);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(count_bits(UINT64_C(1) << i), 1);
        assert_int_equal(lowest_bit(UINT64_C(1) << i), i);
        assert_int_equal(lowest_bit(~UINT64_C(0) << i), i);
    }
    for (int i = 0; i < 20000; i++) {
        uint64_t word = random_next(&random) & random_next(&random);
        assert_int_equal(count_bits(word), count_slowly(word));
    }
}

static void test_masks(void **state) {
    (void)state;
    assert_true(low_mask(0) == 0 && low_mask(1) == 1 && low_mask(63) == ~UINT64_C(0) >> 1);
    assert_true(low_mask(64) == ~UINT64_C(0) && low_mask(1000) == ~UINT64_C(0));
    uint64_t random = 2;
    for (int i = 0; i < 2000; i++) {
        uint64_t word = random_next(&random) & random_next(&random);
        for (unsigned most = 0; most <= 64; most++) {
            uint64_t some = lowest_bits(word, most);
            unsigned expected = count_slowly(word) < most ? count_slowly(word) : most;
            assert_int_equal(count_slowly(some), expected);
            assert_true((some & ~word) == 0);
            /* What was left out is above all that was taken. */
            assert_true((word & ~some) == 0 || some == 0 || some < (word & ~some) ||
                        lowest_bit(word & ~some) > 63 - (unsigned)__builtin_clzll(some));
        }
    }
}

static bool bit_of(const uint64_t *words, unsigned i) {
    return (words[i / 64] >> (i % 64) & 1) != 0;
}

static void test_run_end(void **state) {
    (void)state;
    uint64_t random = 3;
    for (int round = 0; round < 300; round++) {
        uint64_t words[3];
        for (int w = 0; w < 3; w++) {
            uint64_t word = random_next(&random);
            uint64_t all = random_below(&random, 2) == 0 ? 0 : ~UINT64_C(0);
            words[w] = random_below(&random, 3) == 0 ? all : word & (word << 1);
        }
        unsigned limit = 1 + (unsigned)random_below(&random, 192);
        for (unsigned from = 0; from < limit; from++) {
            unsigned expected = from;
            while (expected < limit && bit_of(words, expected) == bit_of(words, from)) {
                expected++;
            }
            assert_int_equal(run_end(words, from, limit), expected);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_powers_of_two),
        cmocka_unit_test(test_counting), cmocka_unit_test(test_masks),
        cmocka_unit_test(test_run_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
