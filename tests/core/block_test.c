#include "core/block.h"

#include <string.h>

#include "core/chunk_map.h"
#include "core/purge_cap.h"
#include "core/region.h"
#include "os/os.h"
#include "support/blocks.h"
#include "support/random.h"

static struct run take_run(size_t count) {
    struct run run = chunks_take(count, CHUNK_SIZE);
    assert_true(run.address != 0 && run.address % CHUNK_SIZE == 0);
    return run;
}

static uintptr_t take_chunks(size_t count) { return take_run(count).address; }

static void give_clean(uintptr_t address, size_t count) { chunks_give(address, count, false); }
static void give_dirty(uintptr_t address, size_t count) {
    memset((void *)address, 1, count * CHUNK_SIZE);
    chunks_give(address, count, true);
}

static bool is_zero(uintptr_t address, size_t count) {
    const uint64_t *word = (const uint64_t *)address;
    for (size_t i = 0; i < count * CHUNK_SIZE / sizeof *word; i++) {
        if (word[i] != 0) {
            return false;
        }
    }
    return true;
}

/* All is given back and clean; every test begins so. */
static int clean_up(void **state) {
    (void)state;
    (void)chunks_purge_all();
    assert_int_equal(block_totals.taken, 0);
    assert_int_equal(block_totals.dirty, 0);
    assert_blocks();
    return 0;
}

static void test_lowest_first(void **state) {
    (void)state;
    uintptr_t first = take_chunks(1);
    assert_int_equal(first % BLOCK_SIZE, 0);
    for (size_t i = 1; i < CHUNKS_PER_BLOCK; i++) {
        assert_int_equal(take_chunks(1), first + i * CHUNK_SIZE);
    }
    assert_int_equal(block_totals.taken, CHUNKS_PER_BLOCK);
    assert_blocks();
    for (size_t i = 0; i < CHUNKS_PER_BLOCK; i++) {
        give_clean(first + i * CHUNK_SIZE, 1);
    }
}

static void test_zeroed(void **state) {
    (void)state;
    struct run run = take_run(3);
    assert_true(run.dirty == 0 && is_zero(run.address, 3));
    give_clean(run.address, 3);
    struct run again = take_run(3);
    assert_true(again.dirty == 0 && again.address == run.address);
    give_dirty(again.address + CHUNK_SIZE, 1);
    give_clean(again.address, 1);
    give_clean(again.address + 2 * CHUNK_SIZE, 1);
    assert_int_equal(block_totals.dirty, 1);
    struct run dirty = take_run(1);
    assert_true(dirty.dirty == 1 &&
                dirty.address == run.address + CHUNK_SIZE); /* dirty ones first */
    struct run clean = take_run(1);
    assert_true(clean.dirty == 0);
    give_dirty(dirty.address, 1);
    give_clean(clean.address, 1);
    struct run all = take_run(3); /* one dirty chunk makes all of it dirty */
    assert_true(all.address == run.address && all.dirty != 0);
    give_dirty(all.address, 3);
}

/* From the block whose longest free run is the shortest that suffices. */
static void test_best_fit(void **state) {
    (void)state;
    uintptr_t three = take_chunks(64), eight = take_chunks(64), whole = take_chunks(64);
    give_clean(three + 5 * CHUNK_SIZE, 3);
    give_clean(three + 20 * CHUNK_SIZE, 1);
    give_clean(eight + 10 * CHUNK_SIZE, 8);
    give_clean(whole, 64);
    assert_blocks();
    assert_int_equal(take_chunks(4), eight + 10 * CHUNK_SIZE);
    assert_int_equal(take_chunks(4), eight + 14 * CHUNK_SIZE);
    assert_int_equal(take_chunks(2), three + 5 * CHUNK_SIZE);
    assert_int_equal(take_chunks(1), three + 7 * CHUNK_SIZE);
    assert_int_equal(take_chunks(1), three + 20 * CHUNK_SIZE);
    assert_int_equal(block_totals.taken, 128);
    give_clean(three, 64);
    give_clean(eight, 64);
}

/* Of the blocks that have the run dirty the fullest comes first, clean ones however full after it.
 */
static void test_dirty_before_fit(void **state) {
    (void)state;
    uintptr_t clean = take_chunks(64), three = take_chunks(64), eight = take_chunks(64);
    give_clean(clean + 7 * CHUNK_SIZE, 1);
    give_dirty(three + 5 * CHUNK_SIZE, 3);
    give_clean(three + 8 * CHUNK_SIZE, 1);
    give_dirty(eight + 10 * CHUNK_SIZE, 8);
    assert_blocks();
    assert_int_equal(take_chunks(1), three + 5 * CHUNK_SIZE);
    assert_int_equal(take_chunks(3), eight + 10 * CHUNK_SIZE); /* partly clean in the fuller one */
    assert_int_equal(take_chunks(2), three + 6 * CHUNK_SIZE);
    assert_int_equal(take_chunks(5), eight + 13 * CHUNK_SIZE);
    assert_int_equal(block_totals.dirty, 0);
    assert_int_equal(take_chunks(1), three + 8 * CHUNK_SIZE);
    assert_int_equal(take_chunks(1), clean + 7 * CHUNK_SIZE);
    assert_blocks();
    give_clean(clean, 64);
    give_clean(three, 64);
    give_clean(eight, 64);
}

static void test_long_runs(void **state) {
    (void)state;
    static const size_t counts[] = {65, 128, 129, 400, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct run run = take_run(counts[i]);
        assert_int_equal(run.address % BLOCK_SIZE, 0);
        assert_int_equal(block_totals.taken, counts[i]);
        memset((void *)run.address, 1, counts[i] * CHUNK_SIZE);
        assert_blocks();
        uintptr_t one = take_chunks(1); /* the rest of the last block serves others */
        assert_true(one < run.address || one >= run.address + counts[i] * CHUNK_SIZE);
        give_clean(one, 1);
        struct run other = take_run(counts[i]);
        assert_true(other.address != run.address);
        give_clean(other.address, counts[i]);
        chunks_give(run.address, counts[i], true);
        assert_blocks();
        (void)chunks_purge_all();
        struct run again = take_run(counts[i]);
        assert_true(again.dirty == 0 && again.address % BLOCK_SIZE == 0);
        give_clean(again.address, counts[i]);
    }
}

static void test_alignment(void **state) {
    (void)state;
    uintptr_t unaligned = take_chunks(1);
    for (size_t alignment = CHUNK_SIZE; alignment <= 64 * BLOCK_SIZE; alignment *= 2) {
        for (size_t count = 1; count <= 140; count += 46) {
            struct run run = chunks_take(count, alignment);
            assert_true(run.address != 0 && run.address % alignment == 0);
            assert_int_equal(block_totals.taken, count + 1); /* the ends are back */
            assert_blocks();
            chunks_give(run.address, count, run.dirty != 0);
        }
    }
    give_clean(unaligned, 1);
}

static void test_extend(void **state) {
    (void)state;
    bool zeroed;
    uintptr_t run = take_chunks(20), end = run + 20 * CHUNK_SIZE;
    assert_true(chunks_extend(end, 5, &zeroed));
    assert_true(zeroed && is_zero(end, 5));
    assert_false(chunks_extend(end + 4 * CHUNK_SIZE, 2, &zeroed)); /* one is taken */
    give_dirty(end, 5);
    assert_int_equal(block_totals.taken, 20);
    assert_true(chunks_extend(end, 6, &zeroed));
    assert_false(zeroed);
    assert_int_equal(block_totals.taken, 26);
    give_dirty(run, 26);
    assert_blocks();

    const struct region *region = &regions.region[regions.count - 1];
    uintptr_t uncommitted = region->base + region->committed;
    assert_true(region->committed < region->reserved);
    assert_false(chunks_extend(uncommitted, 1, &zeroed));
    assert_false(chunks_extend((uintptr_t)1 << 40, 1, &zeroed));
    assert_false(chunks_extend(((uintptr_t)1 << ADDRESS_BITS) - CHUNK_SIZE, 2, &zeroed));
    assert_blocks();
}

/* Into the next block and the one after it. */
static void test_extend_across_blocks(void **state) {
    (void)state;
    uintptr_t run = take_chunks(400);
    give_clean(run + 40 * CHUNK_SIZE, 360);
    bool zeroed;
    assert_true(chunks_extend(run + 40 * CHUNK_SIZE, 160, &zeroed));
    assert_true(zeroed);
    assert_int_equal(block_totals.taken, 200);
    assert_blocks();
    give_clean(run, 200);
}

static void test_purge(void **state) {
    (void)state;
    size_t calls = block_totals.purge_calls, bytes = block_totals.purged_bytes;
    uintptr_t run = take_chunks(10);
    give_dirty(run, 3);
    give_dirty(run + 5 * CHUNK_SIZE, 2);
    assert_int_equal(block_totals.dirty, 5);
    assert_int_equal(chunks_purge_all(), 5 * CHUNK_SIZE);
    assert_int_equal(block_totals.dirty, 0);
    assert_int_equal(block_totals.purge_calls - calls, 2); /* one for each run of chunks */
    assert_int_equal(block_totals.purged_bytes - bytes, 5 * CHUNK_SIZE);
    assert_int_equal(block_totals.purge_failures, 0);
    assert_int_equal(os_resident_bytes((void *)run, 10 * CHUNK_SIZE), 0);
    assert_blocks();
    assert_int_equal(chunks_purge_all(), 0);
    struct run again = take_run(3);
    assert_true(again.address == run && again.dirty == 0 && is_zero(run, 3));
    give_clean(run, 3);
    give_clean(run + 3 * CHUNK_SIZE, 2);
    give_clean(run + 7 * CHUNK_SIZE, 3);
}

/* No more than the surplus goes, and it goes from the high end of the block: chunks are taken from
 * the low end.  (The first tests, as purging teaches the cap.) */
static void test_surplus(void **state) {
    (void)state;
    enum { KEPT = 16 }; /* half of the constant: room for the next chunks */
    uintptr_t run = take_chunks(CHUNKS_PER_BLOCK), given = run + 2 * CHUNK_SIZE;
    give_dirty(given, 16);
    assert_int_equal(block_totals.dirty, 16);
    assert_int_equal(block_totals.purged_bytes, 0);
    give_dirty(given + 16 * CHUNK_SIZE, 40);
    assert_int_equal(block_totals.dirty, KEPT);
    assert_int_equal(block_totals.purged_bytes, (56 - KEPT) * CHUNK_SIZE);
    assert_int_equal(block_totals.purge_calls, 1);
    assert_int_equal(os_resident_bytes((void *)given, KEPT * CHUNK_SIZE), KEPT * CHUNK_SIZE);
    assert_int_equal(
        os_resident_bytes((void *)(given + KEPT * CHUNK_SIZE), (56 - KEPT) * CHUNK_SIZE), 0);
    assert_blocks();
    give_clean(run, 2);
    give_clean(given + 56 * CHUNK_SIZE, CHUNKS_PER_BLOCK - 58);
}

/* No more is kept dirty than the cap allows, and the oldest block goes first. */
static void test_cap(void **state) {
    (void)state;
    enum { RUNS = 40, EACH = 8 };
    uintptr_t runs[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        runs[i] = take_chunks(EACH);
    }
    for (size_t i = 0; i < RUNS; i++) {
        give_dirty(runs[i], EACH);
        chunks_lock();
        size_t cap = purge_cap(block_totals.taken);
        chunks_unlock();
        assert_true(block_totals.dirty <= cap);
        assert_blocks();
    }
    assert_true(block_totals.dirty > 0);
    size_t resident = 0;
    for (size_t i = 0; i < RUNS; i++) {
        size_t here = os_resident_bytes((void *)runs[i], EACH * CHUNK_SIZE);
        assert_true(here == 0 || i >= CHUNKS_PER_BLOCK / EACH);
        resident += here;
    }
    assert_int_equal(resident, block_totals.dirty * CHUNK_SIZE);
}

/* Larger than all that may be kept: back at once, in one call. */
static void test_huge_is_purged(void **state) {
    (void)state;
    size_t calls = block_totals.purge_calls;
    uintptr_t run = take_chunks(2000);
    memset((void *)run, 1, CHUNK_SIZE);
    memset((void *)(run + 1999 * CHUNK_SIZE), 1, CHUNK_SIZE);
    chunks_give(run, 2000, true);
    assert_int_equal(block_totals.purge_calls - calls, 1);
    assert_int_equal(block_totals.dirty, 0);
    assert_int_equal(os_resident_bytes((void *)run, 2000 * CHUNK_SIZE), 0);
    assert_blocks();
}

/* What comes back of what was purged counts, also where some of the run is dirty. */
static void test_missed_in_part(void **state) {
    (void)state;
    chunks_give(take_chunks(2000), 2000, true);
    (void)chunks_purge_all();
    give_dirty(take_chunks(1), 1);
    size_t refaulted = block_totals.refaulted;
    struct run run = take_run(200);
    assert_int_equal(run.dirty, 1);
    assert_int_equal(block_totals.refaulted - refaulted, 199);
    chunks_give(run.address, 200, true);
}

/* A large heap brings in blocks as huge pages: all of a new block is resident, and counted as kept
 * where it is free.  Where the kernel does not give any, it is as before. */
static void test_huge_pages(void **state) {
    (void)state;
    enum { MANY = 40 };
    static uintptr_t chunks[MANY * CHUNKS_PER_BLOCK];
    for (size_t i = 0; i < MANY * CHUNKS_PER_BLOCK; i++) {
        struct run run = take_run(1);
        chunks[i] = run.address;
        assert_true(run.dirty != 0 || is_zero(run.address, 1));
        size_t resident = block_totals.dirty * CHUNK_SIZE;
        assert_true(resident < BLOCK_SIZE);
        assert_true(i >= 256 || resident == 0);
    }
    assert_blocks();
    for (size_t i = 0; i < MANY * CHUNKS_PER_BLOCK; i++) {
        chunks_give(chunks[i], 1, true);
    }
}

/* A block of which the caller has the beginning: the rest is kept, but only in a heap that is large
 * enough, and where nothing else is in it. */
static void test_huge_from(void **state) {
    (void)state;
    enum { WHOLE_BLOCKS = 9, REST = 40, SIZE = WHOLE_BLOCKS * CHUNKS_PER_BLOCK + REST };
    uintptr_t small = take_chunks(CHUNKS_PER_BLOCK + REST);
    assert_false(chunks_make_huge_from(round_up(small, BLOCK_SIZE), REST));
    chunks_give(small, CHUNKS_PER_BLOCK + REST, false);
    struct run run = take_run(SIZE);
    uintptr_t rest = run.address + WHOLE_BLOCKS * BLOCK_SIZE;
    if (run.address % BLOCK_SIZE != 0 || block_of(rest)->dirty != 0) {
        skip();
    }
    assert_false(chunks_make_huge_from(rest, REST - 1));
    assert_false(chunks_make_huge_from(rest, REST + 1));
    size_t dirty = block_totals.dirty;
    if (chunks_make_huge_from(rest, REST)) {
        assert_int_equal(block_totals.dirty - dirty, CHUNKS_PER_BLOCK - REST);
        assert_int_equal(os_resident_bytes((void *)rest, BLOCK_SIZE), BLOCK_SIZE);
        assert_false(chunks_make_huge_from(rest, REST));
    } else {
        assert_int_equal(block_totals.dirty, dirty);
    }
    assert_blocks();
    chunks_give(run.address, SIZE, true);
    assert_blocks();
}

static void test_too_much(void **state) {
    (void)state;
    assert_int_equal(chunks_take((size_t)1 << 40, CHUNK_SIZE).address, 0);
    assert_int_equal(chunks_take(1, (size_t)1 << 47).address, 0);
    assert_int_equal(block_totals.taken, 0);
    assert_blocks();
}

static void test_random(void **state) {
    (void)state;
    enum { RUNS = 200 };
    static struct {
        uintptr_t address;
        size_t count;
    } runs[RUNS];
    uint64_t random = 4;
    for (int i = 0; i < 5000; i++) {
        size_t at = random_below(&random, RUNS);
        if (runs[at].count != 0) {
            chunks_give(runs[at].address, runs[at].count, random_below(&random, 2) != 0);
            runs[at].count = 0;
        } else {
            size_t count = 1 + random_below(&random, random_below(&random, 8) != 0 ? 8 : 200);
            struct run run = take_run(count);
            *(volatile char *)run.address = 0;
            runs[at].address = run.address;
            runs[at].count = count;
        }
        if (i % 100 == 0) {
            assert_blocks();
        }
    }
    for (size_t i = 0; i < RUNS; i++) {
        if (runs[i].count != 0) {
            chunks_give(runs[i].address, runs[i].count, true);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_surplus, clean_up),
        cmocka_unit_test_setup(test_cap, clean_up),
        cmocka_unit_test_setup(test_huge_is_purged, clean_up),
        cmocka_unit_test_setup(test_lowest_first, clean_up),
        cmocka_unit_test_setup(test_zeroed, clean_up),
        cmocka_unit_test_setup(test_best_fit, clean_up),
        cmocka_unit_test_setup(test_dirty_before_fit, clean_up),
        cmocka_unit_test_setup(test_long_runs, clean_up),
        cmocka_unit_test_setup(test_alignment, clean_up),
        cmocka_unit_test_setup(test_extend, clean_up),
        cmocka_unit_test_setup(test_extend_across_blocks, clean_up),
        cmocka_unit_test_setup(test_purge, clean_up),
        cmocka_unit_test_setup(test_missed_in_part, clean_up),
        cmocka_unit_test_setup(test_huge_pages, clean_up),
        cmocka_unit_test_setup(test_huge_from, clean_up),
        cmocka_unit_test_setup(test_too_much, clean_up),
        cmocka_unit_test_setup_teardown(test_random, clean_up, clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
