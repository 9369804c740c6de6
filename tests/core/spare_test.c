/* Spare chunks: what a heap keeps at hand, how much, and who may take it. */
#include "core/spare.h"

#include "core/block.h"
#include "core/threads.h"
#include "support/core.h"

/* Dirty chunks that nobody keeps. */
static void make_dirty(uintptr_t *chunks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        chunks[i] = chunks_take(1, CHUNK_SIZE).address;
        assert_true(chunks[i] != 0);
    }
}

static int clean_up(void **state) {
    (void)state;
    give(take(16)); /* a heap */
    spare_flush(heap_self());
    (void)chunks_purge_all();
    return 0;
}

static void test_given_is_taken(void **state) {
    (void)state;
    uintptr_t chunk;
    make_dirty(&chunk, 1);
    size_t taken = block_totals.taken;
    spare_give(heap_self(), chunk);
    assert_int_equal(spare_count(heap_self()), 1);
    assert_int_equal(block_totals.taken, taken); /* no lock, no block allocator */
    assert_int_equal(spare_take(heap_self()), chunk);
    assert_int_equal(spare_count(heap_self()), 0);
    chunks_give(chunk, 1, true);
}

/* Clean chunks are not for keeping, and cost a page fault wherever they come from. */
static void test_none(void **state) {
    (void)state;
    assert_int_equal(spare_take(heap_self()), 0);
}

/* More than its share goes to the block allocator, and comes from there, several at once. */
static void test_share(void **state) {
    (void)state;
    enum { MANY = 40 };
    uintptr_t chunks[MANY];
    make_dirty(chunks, MANY);
    size_t most = 0;
    for (size_t i = 0; i < MANY; i++) {
        spare_give(heap_self(), chunks[i]);
        size_t now = spare_count(heap_self());
        most = now > most ? now : most;
        assert_true(now <= HEAP_SPARES);
    }
    assert_true(most >= 4 && block_totals.dirty > 0);
    spare_flush(heap_self());
    assert_int_equal(spare_count(heap_self()), 0);
    size_t dirty = block_totals.dirty;
    uintptr_t chunk = spare_take(heap_self());
    assert_true(chunk != 0);
    assert_int_equal(block_totals.dirty, dirty - 1 - spare_count(heap_self()));
    assert_true(spare_count(heap_self()) > 1);
    chunks_give(chunk, 1, true);
}

/* Another thread that empties places while the owner fills others may leave some behind an empty
 * one: nothing is lost. */
static void test_left_behind(void **state) {
    (void)state;
    enum { MANY = 20 };
    uintptr_t chunks[MANY];
    make_dirty(chunks, MANY);
    for (unsigned i = 1; i < HEAP_SPARES; i++) {
        chunk_set_kind(chunk_of(chunks[i]), CHUNK_SPARE);
        heap_self()->spares[i] = chunks[i];
    }
    chunks_give_dirty(&chunks[0], 1);
    chunks_give_dirty(&chunks[HEAP_SPARES], MANY - HEAP_SPARES);
    uintptr_t chunk = spare_take(heap_self());
    assert_true(chunk != 0);
    assert_int_equal(spare_count(heap_self()), HEAP_SPARES);
    assert_int_equal(block_totals.dirty, 1 + MANY - HEAP_SPARES - 2);
    chunks_give(chunk, 1, true);
    assert_intact();
}

/* The more heaps there are, the less each may keep. */
static void test_many_heaps(void **state) {
    (void)state;
    enum { HEAPS = 1000 };
    spare_note_heaps(HEAPS);
    uintptr_t chunk;
    make_dirty(&chunk, 1);
    spare_give(heap_self(), chunk);
    assert_int_equal(spare_count(heap_self()), 0);
    assert_int_equal(block_totals.dirty, 1);
    spare_note_heaps(-HEAPS);
}

/* The more processors there are, the more all may keep. */
static void test_cpus(void **state) {
    (void)state;
    static const struct {
        unsigned cpus;
        size_t most;
    } cases[] = {{1, 4}, {2, 8}, {3, 12}, {16, HEAP_SPARES}, {1000, HEAP_SPARES}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uintptr_t chunks[HEAP_SPARES];
        spare_note_cpus(cases[k].cpus);
        make_dirty(chunks, HEAP_SPARES);
        size_t most = 0;
        for (size_t i = 0; i < HEAP_SPARES; i++) {
            spare_give(heap_self(), chunks[i]);
            size_t now = spare_count(heap_self());
            most = now > most ? now : most;
        }
        assert_int_equal(most, cases[k].most);
        spare_flush(heap_self());
    }
    spare_note_cpus(2);
}

static void *flush(void *heap) {
    spare_flush(heap);
    return NULL;
}

static void test_flush_by_other_thread(void **state) {
    (void)state;
    uintptr_t chunks[3];
    make_dirty(chunks, 3);
    for (size_t i = 0; i < 3; i++) {
        spare_give(heap_self(), chunks[i]);
    }
    in_thread(flush, heap_self());
    assert_int_equal(spare_count(heap_self()), 0);
    assert_int_equal(block_totals.dirty, 3);
    assert_intact();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_given_is_taken, clean_up),
        cmocka_unit_test_setup(test_none, clean_up),
        cmocka_unit_test_setup(test_share, clean_up),
        cmocka_unit_test_setup(test_left_behind, clean_up),
        cmocka_unit_test_setup(test_many_heaps, clean_up),
        cmocka_unit_test_setup(test_cpus, clean_up),
        cmocka_unit_test_setup(test_flush_by_other_thread, clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
