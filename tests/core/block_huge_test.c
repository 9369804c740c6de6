/* From how much memory on the next block comes as a huge page. */
#include "core/block.h"

#include "core/chunk_map.h"
#include "core/spare.h"
#include "support/blocks.h"

enum { FROM = 512, FEW_THREADS = 8, FROM_EACH = 128 }; /* chunks; as in block.c */
enum { MORE = 3, MOST = FROM + MORE * FROM_EACH + 2 * CHUNKS_PER_BLOCK };

static uintptr_t chunks[MOST];
static size_t count;

static bool take_one(void) {
    uintptr_t address = chunks_take(1, CHUNK_SIZE).address;
    assert_int_not_equal(address, 0);
    chunks[count++] = address;
    return block_is_huge(block_of(address));
}

/* That comes with the block after so many chunks: one that came by pages is used up first. */
static void assert_huge_from(size_t from) {
    while (count < from) {
        assert_false(take_one());
    }
    while (!take_one()) {
        assert_true(count < from + CHUNKS_PER_BLOCK);
    }
    assert_blocks();
}

static int give_all(void **state) {
    (void)state;
    while (count != 0) {
        chunks_give(chunks[--count], 1, true);
    }
    (void)chunks_purge_all();
    return 0;
}

static int start(void **state) {
    *state = NULL;
    uintptr_t address = chunks_take(CHUNKS_PER_BLOCK, BLOCK_SIZE).address;
    assert_int_not_equal(address, 0);
    bool kernel_has_some = chunks_make_huge(address);
    chunks_give(address, CHUNKS_PER_BLOCK, true);
    if (!kernel_has_some) {
        *state = "the kernel has no huge pages to give";
    }
    return give_all(state);
}

static void test_few_threads(void **state) {
    if (*state != NULL) {
        skip();
    }
    spare_note_heaps(FEW_THREADS);
    assert_huge_from(FROM);
    spare_note_heaps(-FEW_THREADS);
}

static void test_many_threads(void **state) {
    if (*state != NULL) {
        skip();
    }
    spare_note_heaps(FEW_THREADS + MORE);
    assert_huge_from(FROM + MORE * FROM_EACH);
    spare_note_heaps(-FEW_THREADS - MORE);
}

/* Of a block that comes as a huge page for an aligned run, what that does not need is resident, and
 * so to be purged some day. */
static void test_aligned(void **state) {
    if (*state != NULL) {
        skip();
    }
    enum { LENGTH = 29, ALIGNMENT = 32 };
    spare_note_heaps(FEW_THREADS);
    assert_huge_from(FROM);
    for (size_t i = 0; i < ALIGNMENT; i++) {
        (void)take_one(); /* the huge page that is there has no room for it any more */
    }
    uintptr_t address = chunks_take(LENGTH, ALIGNMENT * CHUNK_SIZE).address;
    assert_int_not_equal(address, 0);
    for (size_t i = 0; i < LENGTH; i++) {
        chunks[count++] = address + i * CHUNK_SIZE;
    }
    const struct block *block = block_of(address);
    assert_true(block_is_huge(block));
    assert_int_equal(block->dirty, block->free);
    assert_blocks();
    spare_note_heaps(-FEW_THREADS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_few_threads, start, give_all),
        cmocka_unit_test_setup_teardown(test_many_threads, start, give_all),
        cmocka_unit_test_setup_teardown(test_aligned, start, give_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
