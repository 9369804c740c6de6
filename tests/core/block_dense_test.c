/* Huge pages that are in use but for a little are not split to give that little back. */
#include "core/block.h"

#include "base/bits.h"
#include "core/chunk_map.h"
#include "core/purge_cap.h"
#include "os/os.h"
#include "support/blocks.h"

/* FEW chunks of each block are dirty: too few to split it, and in all more than the cap allows. */
enum { BLOCKS = 100, ALL = BLOCKS * CHUNKS_PER_BLOCK, FEW = CHUNKS_PER_BLOCK / 8 - 1 };

static size_t resident(uintptr_t block) { return os_resident_bytes((void *)block, BLOCK_SIZE); }

/* As many huge pages as were asked for, in a row; 0: the kernel has none to give. */
static uintptr_t take_huge(void) {
    uintptr_t address = chunks_take(ALL, BLOCK_SIZE).address;
    assert_int_not_equal(address, 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!chunks_make_huge(address + i * BLOCK_SIZE)) {
            chunks_give(address, ALL, true);
            return 0;
        }
    }
    return address;
}

static void give_of_each(uintptr_t address, size_t first, size_t count) {
    for (size_t i = 0; i < BLOCKS; i++) {
        chunks_give(address + i * BLOCK_SIZE + first * CHUNK_SIZE, count, true);
    }
}

static bool is_above_cap(void) { return block_totals.dirty > purge_cap(block_totals.taken); }

static void test_dense_blocks_stay_whole(void **state) {
    (void)state;
    uintptr_t address = take_huge();
    if (address == 0) {
        skip();
    }
    give_of_each(address, 0, FEW);
    assert_true(is_above_cap());
    assert_int_equal(block_totals.purged_bytes, 0);
    assert_int_equal(block_totals.dirty, BLOCKS * FEW);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(resident(address + i * BLOCK_SIZE), BLOCK_SIZE);
    }
    assert_blocks();

    /* With more they are not dense. */
    give_of_each(address, FEW, 1);
    assert_false(is_above_cap());
    assert_true(block_totals.purged_bytes > 0);
    assert_blocks();

    give_of_each(address, FEW + 1, CHUNKS_PER_BLOCK - FEW - 1);
    (void)chunks_purge_all();
    assert_int_equal(block_totals.dirty, 0);
}

/* Who asks for all gets those too. */
static void test_all_means_all(void **state) {
    (void)state;
    uintptr_t address = take_huge();
    if (address == 0) {
        skip();
    }
    give_of_each(address, 5, 1);
    assert_true(chunks_purge_all() >= BLOCKS * CHUNK_SIZE);
    assert_int_equal(block_totals.dirty, 0);
    assert_int_equal(resident(address), BLOCK_SIZE - CHUNK_SIZE);
    give_of_each(address, 0, 5);
    give_of_each(address, 6, CHUNKS_PER_BLOCK - 6);
    (void)chunks_purge_all();
    assert_int_equal(block_totals.taken, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_blocks_stay_whole),
        cmocka_unit_test(test_all_means_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
