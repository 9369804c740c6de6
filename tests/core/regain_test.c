/* Chunks are taken from block.c directly, as slabs and large objects do. */
#include "core/regain.h"

#include "core/block.h"
#include "core/chunk_map.h"
#include "os/os.h"
#include "support/core.h"

enum {
    ONCE_MORE = 4, /* after so many times a block becomes whole */
    BLOCKS = 10,   /* of a heap that is large enough for huge pages */
    MANY = BLOCKS * CHUNKS_PER_BLOCK
};

static size_t resident(uintptr_t block) { return os_resident_bytes((void *)block, BLOCK_SIZE); }

/* True once it is whole, which it must not be before its time. */
static bool regain_often(uintptr_t address) {
    for (int i = 1; i < ONCE_MORE; i++) {
        assert_false(regain(address));
        assert_false(regain_has(address));
    }
    return regain(address);
}

/* A whole block of `run`, of which one page is in use. */
static uintptr_t block_within(struct run run) {
    uintptr_t block = round_up(run.address, BLOCK_SIZE);
    *(volatile char *)(block + 5) = 7;
    assert_true(resident(block) < BLOCK_SIZE);
    return block;
}

static void test_of_a_small_heap(void **state) {
    (void)state;
    struct run run = chunks_take(2 * CHUNKS_PER_BLOCK, CHUNK_SIZE);
    uintptr_t block = block_within(run);
    assert_false(regain_often(block));
    assert_true(resident(block) < BLOCK_SIZE);
    chunks_give(run.address, 2 * CHUNKS_PER_BLOCK, true);
    (void)chunks_purge_all();
}

/* Whatever becomes of a block's pages, it has to come into use often again before it is whole. */
static void test_of_a_large_heap(void **state) {
    (void)state;
    struct run run = chunks_take(MANY, CHUNK_SIZE);
    uintptr_t block = block_within(run);
    bool whole = regain_often(block);
    assert_int_equal(*(volatile char *)(block + 5), 7);
    if (whole) {
        assert_int_equal(resident(block), BLOCK_SIZE);
        assert_true(regain_has(block));
        assert_true(regain(block));
        regain_note_split(block);
        assert_false(regain_has(block));
        assert_true(regain_often(block));
    }
    chunks_give(run.address, MANY, true);
    (void)chunks_purge_all();
    assert_false(regain_has(block));
    if (!whole) {
        skip(); /* the kernel has no huge page to give */
    }
}

/* What is free of the block is kept then, and counts. */
static void test_of_a_block_that_is_partly_free(void **state) {
    (void)state;
    enum { FREE = 8 };
    struct run run = chunks_take(MANY, CHUNK_SIZE);
    uintptr_t block = block_within(run);
    chunks_give(block + BLOCK_SIZE - FREE * CHUNK_SIZE, FREE, false);
    size_t dirty = block_totals.dirty;
    bool whole = regain_often(block);
    assert_int_equal(block_totals.dirty - dirty, whole ? FREE : 0);
    chunks_give(run.address, (block - run.address) / CHUNK_SIZE, true);
    chunks_give(block, CHUNKS_PER_BLOCK - FREE, true);
    size_t behind = run.address + MANY * CHUNK_SIZE - (block + BLOCK_SIZE);
    chunks_give(block + BLOCK_SIZE, behind / CHUNK_SIZE, true);
    (void)chunks_purge_all();
    assert_int_equal(block_totals.taken, 0);
    assert_int_equal(block_totals.dirty, 0);
    if (!whole) {
        skip();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_small_heap),
        cmocka_unit_test(test_of_a_large_heap),
        cmocka_unit_test(test_of_a_block_that_is_partly_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
