#include "core/region.h"

#include "core/block.h"
#include "core/chunk_map.h"
#include "support/core.h"

#define MIB ((size_t)1 << 20)

static uintptr_t grow(size_t blocks, size_t *got) {
    chunks_lock();
    uintptr_t address = region_grow(blocks, got);
    chunks_unlock();
    return address;
}

static void assert_sums(void) {
    size_t reserved = 0, committed = 0;
    for (size_t i = 0; i < regions.count; i++) {
        assert_true(regions.region[i].committed <= regions.region[i].reserved);
        reserved += regions.region[i].reserved;
        committed += regions.region[i].committed;
    }
    assert_int_equal(regions.reserved, reserved);
    assert_int_equal(regions.committed, committed);
}

/* The first is small, is used up in steps from its low end, and leaves what is above untouched. */
static void test_first(void **state) {
    (void)state;
    size_t got;
    uintptr_t first = grow(1, &got);
    assert_true(first != 0 && first % (2 * BLOCK_SIZE) == 0);
    assert_int_equal(got, 1);
    assert_int_equal(regions.count, 1);
    assert_true(regions.reserved <= 64 * MIB);
    *(volatile char *)(first + BLOCK_SIZE - 1) = 1;
    uintptr_t next = first + BLOCK_SIZE;
    while (regions.region[0].committed < regions.region[0].reserved) {
        assert_int_equal(grow(1, &got), next);
        next += got * BLOCK_SIZE;
        assert_int_equal(regions.region[0].base + regions.region[0].committed, next);
        assert_sums();
    }
}

/* Each further one is as large as all before together. */
static void test_growth(void **state) {
    (void)state;
    size_t got;
    for (size_t round = 0; round < 3; round++) {
        size_t before = regions.reserved, count = regions.count;
        while (regions.count == count) {
            assert_true(grow(1, &got) != 0);
            assert_true(got <= regions.committed / 8 / BLOCK_SIZE + 1);
        }
        assert_int_equal(regions.reserved, 2 * before);
        assert_sums();
    }
}

static void test_large(void **state) {
    (void)state;
    size_t got, blocks = 2 * regions.reserved / BLOCK_SIZE + 3;
    uintptr_t address = grow(blocks, &got);
    assert_true(address != 0 && got >= blocks);
    *(volatile char *)(address + blocks * BLOCK_SIZE - 1) = 1;
    for (size_t i = 0; i < blocks; i++) {
        assert_non_null(block_of(address + i * BLOCK_SIZE));
    }
    assert_sums();
}

static void test_refusal(void **state) {
    (void)state;
    size_t got = 0, count = regions.count;
    assert_int_equal(grow(((size_t)1 << 48) / BLOCK_SIZE, &got), 0);
    assert_int_equal(grow(((size_t)1 << 62) / BLOCK_SIZE, &got), 0);
    assert_int_equal(regions.count, count);
    assert_sums();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first), cmocka_unit_test(test_growth),
                                       cmocka_unit_test(test_large),
                                       cmocka_unit_test(test_refusal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
