#include "base/owner_word.h"

#include "support/core.h"

static void test_bits(void **state) {
    (void)state;
    uint64_t word = 0;
    for (uint64_t i = 0; i < 64; i++) {
        assert_false(bit_is_set(word, i + 64 * i)); /* index modulo 64 counts */
        word = with_bit(word, i + 64 * i);
        assert_true(word == (i == 63 ? ~UINT64_C(0) : (UINT64_C(2) << i) - 1));
        assert_true(bit_is_set(word, i + 64 * i));
        assert_true(bit_is_set(word, i));
        assert_true(with_bit(word, i) == word);
    }
}

enum { ROUNDS = 200000 };
static owner_word observed;

static void *observe(void *argument) {
    (void)argument;
    uint64_t last = 0, value;
    while ((value = owner_word_read(&observed)) != ROUNDS) {
        if (value < last || value > ROUNDS) {
            return &observed; /* a value that the owner never wrote, or an older one */
        }
        last = value;
    }
    return NULL;
}

/* Other threads see values that the word had, in their order. */
static void test_readers(void **state) {
    (void)state;
    pthread_t thread;
    void *wrong;
    assert_int_equal(pthread_create(&thread, NULL, observe, NULL), 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        owner_word_write(&observed, i + 1);
    }
    assert_int_equal(pthread_join(thread, &wrong), 0);
    assert_null(wrong);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits),

                                       cmocka_unit_test(test_readers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
