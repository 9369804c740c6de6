#include "core/metadata.h"

#include <string.h>

#include "base/compiler.h"
#include "support/core.h"

static bool is_zero(const char *memory, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (memory[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_fresh(void **state) {
    (void)state;
    enum { TABLES = 200 };
    char *tables[TABLES];
    for (size_t i = 0; i < TABLES; i++) {
        size_t lines = 1 + i % 40;
        tables[i] = metadata_take(lines);
        assert_non_null(tables[i]);
        assert_int_equal((uintptr_t)tables[i] % CACHE_LINE, 0);
        assert_true(is_zero(tables[i], lines * CACHE_LINE));
        memset(tables[i], (int)i, lines * CACHE_LINE);
    }
    for (size_t i = 0; i < TABLES; i++) { /* none lies in another */
        assert_int_equal(tables[i][0], (char)i);
        assert_int_equal(tables[i][(1 + i % 40) * CACHE_LINE - 1], (char)i);
    }
    assert_true(metadata_mapped() >= 64 << 10);
}

/* What was given back serves the same size again and no other. */
static void test_reuse(void **state) {
    (void)state;
    void *three = metadata_take(3), *other_three = metadata_take(3), *four = metadata_take(4);
    metadata_give(three, 3);
    metadata_give(other_three, 3);
    metadata_give(four, 4);
    size_t mapped = metadata_mapped();
    assert_ptr_equal(metadata_take(4), four);
    assert_ptr_equal(metadata_take(3), other_three);
    assert_ptr_equal(metadata_take(3), three);
    void *fresh = metadata_take(3);
    assert_true(fresh != three && fresh != other_three && fresh != four);
    assert_int_equal(metadata_mapped(), mapped);
}

/* Larger than a segment: heaps may be. */
static void test_large(void **state) {
    (void)state;
    size_t lines = ((size_t)8 << 20) / CACHE_LINE;
    char *memory = metadata_take(lines);
    assert_non_null(memory);
    assert_true(is_zero(memory, lines * CACHE_LINE));
    assert_non_null(metadata_take(1));
    assert_null(metadata_take((size_t)1 << 56));
    assert_non_null(metadata_take(1));
}

static void *take_and_give(void *argument) {
    for (size_t i = 0; i < 20000; i++) {
        uintptr_t *line = metadata_take(1);
        *line = (uintptr_t)argument;
        if (*line != (uintptr_t)argument) {
            return line;
        }
        metadata_give(line, 1);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

/* Who takes a table for a longer one reads on behind it; also behind the last one of a segment. */
static void test_margin(void **state) {
    (void)state;
    size_t read = 0; /* what is there may be a free table's link */
    for (int i = 0; i < 20000; i++) {
        const volatile char *memory = metadata_take(1);
        assert_non_null(memory);
        for (size_t byte = 0; byte < CACHE_LINE + METADATA_MARGIN; byte += CACHE_LINE / 2) {
            (void)memory[byte];
            read++;
        }
    }
    assert_true(read > 20000);
    size_t resident = metadata_resident();
    assert_true(resident >= (size_t)20000 * CACHE_LINE && resident <= metadata_mapped());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fresh), cmocka_unit_test(test_reuse),
                                       cmocka_unit_test(test_large), cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_margin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
