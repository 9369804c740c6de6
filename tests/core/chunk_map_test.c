#include "core/chunk_map.h"

#include "core/block.h"
#include "os/os.h"
#include "support/core.h"
#include "support/random.h"

#define WINDOW ((uintptr_t)1 << WINDOW_SHIFT)

/* A window far from all that the kernel gives. */
#define FAR ((uintptr_t)0x1234 << WINDOW_SHIFT)

static bool cover(uintptr_t address, size_t size) {
    chunks_lock();
    bool covered = chunk_map_cover(address, size);
    chunks_unlock();
    return covered;
}

static void test_never(void **state) {
    (void)state;
    uint64_t random = 3;
    for (int i = 0; i < 10000; i++) {
        uintptr_t address = random_below(&random, (uint64_t)1 << ADDRESS_BITS);
        const struct chunk *chunk = chunk_of(address);
        assert_true(chunk >= chunk_map.never && chunk < chunk_map.never + CHUNKS_PER_WINDOW);
        assert_true(chunk_is(chunk, CHUNK_NEVER) && chunk_owner(chunk) == OWNER_NONE);
        assert_null(block_of(address));
    }
    assert_ptr_equal(chunk_of(0), chunk_map.never);
    assert_ptr_equal(chunk_of(WINDOW - 1), chunk_map.never + CHUNKS_PER_WINDOW - 1);
}

static void test_mappable(void **state) {
    (void)state;
    assert_true(address_is_mappable(0));
    assert_true(address_is_mappable(((uintptr_t)1 << ADDRESS_BITS) - 1));
    assert_false(address_is_mappable((uintptr_t)1 << ADDRESS_BITS));
    assert_false(address_is_mappable(UINTPTR_MAX));
    assert_null(block_of((uintptr_t)1 << ADDRESS_BITS));
    assert_null(block_of(UINTPTR_MAX));
}

static void test_cover(void **state) {
    (void)state;
    size_t before = chunk_map_reserved();
    assert_true(cover(FAR + 2 * WINDOW - BLOCK_SIZE, 2 * BLOCK_SIZE)); /* parts of two windows */
    size_t leaf = (chunk_map_reserved() - before) / 2;
    assert_true(leaf >= (sizeof(struct chunk) + sizeof(struct chunk_shared)) * CHUNKS_PER_WINDOW);
    assert_true(cover(FAR + WINDOW, 2 * WINDOW)); /* nothing new */
    assert_int_equal(chunk_map_reserved() - before, 2 * leaf);

    uintptr_t address = FAR + WINDOW;
    struct chunk *first = chunk_of(address);
    for (size_t i = 0; i < CHUNKS_PER_WINDOW; i++) {
        struct chunk *chunk = chunk_of(address + i * CHUNK_SIZE);
        assert_ptr_equal(chunk, first + i);
        assert_ptr_equal(chunk_of(address + i * CHUNK_SIZE + CHUNK_SIZE - 1), chunk);
        assert_ptr_equal(shared_of(chunk), shared_of(first) + i);
    }
    for (size_t i = 0; i < BLOCKS_PER_WINDOW; i++) {
        assert_ptr_equal(block_of(address + i * BLOCK_SIZE), block_of(address) + i);
        assert_ptr_equal(block_of(address + (i + 1) * BLOCK_SIZE - 1), block_of(address) + i);
    }
    assert_ptr_not_equal(chunk_of(address + WINDOW), first);
    assert_true(chunk_of(address + 2 * WINDOW) == chunk_map.never); /* not covered */
    assert_true((void *)(shared_of(first) + CHUNKS_PER_WINDOW) == (void *)block_of(address));
}

/* Leaves are found through the root, and counted page by page. */
static void test_resident(void **state) {
    (void)state;
    enum { PAGES = 10 };
    size_t page = os_page_size();
    assert_true(cover(FAR + 10 * WINDOW, 3 * WINDOW));
    size_t before = chunk_map_resident();
    for (size_t i = 0; i < PAGES; i++) {
        uintptr_t address = FAR + 10 * WINDOW + i % 3 * WINDOW;
        struct chunk *chunk = chunk_of(address) + (1 + i) * page / sizeof(struct chunk);
        chunk->fresh = 1;
    }
    assert_int_equal(chunk_map_resident() - before, PAGES * page);
    assert_true(chunk_map_resident() <= chunk_map_reserved());
}

static void test_refusal(void **state) {
    (void)state;
    size_t before = chunk_map_reserved();
    assert_false(cover((uintptr_t)1 << ADDRESS_BITS, BLOCK_SIZE));
    assert_int_equal(chunk_map_reserved(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never), cmocka_unit_test(test_mappable), cmocka_unit_test(test_cover),
        cmocka_unit_test(test_resident), cmocka_unit_test(test_refusal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
