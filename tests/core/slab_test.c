/* Slabs by themselves, of a heap that no thread uses: what owners do, without queues. */
#include "core/slab.h"

#include <string.h>

#include "base/bits.h"
#include "core/block.h"
#include "support/core.h"

static struct heap heap;

static struct chunk *create(unsigned class) {
    struct chunk *slab = slab_create(&heap, class);
    assert_non_null(slab);
    return slab;
}

static uint64_t handed_out(const struct chunk *slab) {
    return owner_word_read(&slab->bits->handed_out);
}

static void test_create(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        const struct size_class *size_class = &size_classes[class];
        struct chunk *slab = create(class);
        assert_int_equal(block_totals.taken, 1);
        assert_int_equal(handed_out(slab), 0);
        assert_int_equal(slab_live(slab), 0);
        assert_true(chunk_is(slab, CHUNK_SLAB));
        assert_int_equal(chunk_owner(slab), heap_distance_of(&heap));
        assert_int_equal(slab->start % CHUNK_SIZE, 0);
        assert_ptr_equal(chunk_of(slab->start), slab);
        assert_true(slab->reciprocal == size_class->reciprocal);
        unsigned objects = 0;
        for (unsigned w = 0; w < size_class->words; w++) {
            assert_true(owner_word_read(&slab->bits->word[w].avail) == 0);
            assert_true(owner_word_read(&slab->bits->word[w].freed) == ~UINT64_C(0));
            assert_int_equal((uintptr_t)&slab->bits->word[w] / CACHE_LINE,
                             (uintptr_t)&slab->bits->word[w].freed / CACHE_LINE);
            objects += count_bits(slab_valid_bits(slab, w));
        }
        assert_int_equal(objects, size_class->capacity);
        slab_release(slab);
        assert_true(chunk_is(slab, CHUNK_RELEASED) && chunk_owner(slab) == OWNER_NONE);
        assert_true(slab->reciprocal == 0);
        assert_int_equal(block_totals.taken, 0);
    }
}

/* Takes all that the bin holds; every object must be a new one. */
static void use_up(struct chunk *slab, struct bin *bin, bool *seen) {
    for (uint64_t avail; (avail = owner_word_read(bin->avail)) != 0;) {
        uintptr_t object = (uintptr_t)bin_take(bin, avail);
        bool exact;
        uint64_t index = object_index(slab, object, &exact);
        assert_true(exact && index < slab_class(slab)->capacity && !seen[index]);
        assert_true(object_index(slab, object + bin->size - 1, &exact) == index && !exact);
        seen[index] = true;
    }
}

/* Hands out everything. */
static void exhaust(struct chunk *slab) {
    bool seen[4096] = {false};
    unsigned objects, total = 0;
    for (unsigned w; w = slab_pick_word(&heap, slab, &objects), objects != 0;) {
        struct bin bin;
        slab_fill_bin(slab, w, &bin);
        struct slab_word *word = &slab->bits->word[w];
        assert_ptr_equal(bin.avail, &word->avail);
        uint64_t avail = owner_word_read(&word->avail), freed = owner_word_read(&word->freed);
        assert_true((avail & freed) == 0 && (avail & ~slab_valid_bits(slab, w)) == 0);
        assert_true(slab_free_bits(slab, w) == (avail | freed));
        unsigned got = count_bits(avail);
        assert_true(got > 0 && got <= slab_class(slab)->handful);
        assert_int_equal(bin.size, slab_class(slab)->size);
        total += got;
        assert_int_equal(handed_out(slab), total);
        use_up(slab, &bin, seen);
    }
    assert_int_equal(total, slab_class(slab)->capacity);
    assert_int_equal(slab_live(slab), total);
}

static void free_index(struct chunk *slab, unsigned i) {
    assert_true(slab_free_object(slab->bits, i));
    assert_false(slab_free_object(slab->bits, i));
    assert_int_equal(owner_word_decrement(&slab->bits->handed_out), slab_live(slab) == 0);
}

static void test_hand_out_all(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        struct chunk *slab = create(class);
        for (int round = 0; round < 3; round++) {
            exhaust(slab);
            for (unsigned i = slab_class(slab)->capacity; i-- > 0;) {
                free_index(slab, i);
            }
            assert_int_equal(handed_out(slab), 0);
        }
        slab_release(slab);
    }
}

/* Freeing behind the last object looks like a double free. */
static void test_no_object(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        struct chunk *slab = create(class);
        exhaust(slab);
        unsigned capacity = slab_class(slab)->capacity;
        for (unsigned i = capacity; i < slab_class(slab)->words * 64u; i++) {
            assert_false(slab_free_object(slab->bits, i));
        }
        for (unsigned i = 0; i < capacity; i++) {
            free_index(slab, i);
        }
        slab_release(slab);
    }
}

static bool is_zero(const void *memory, size_t size) {
    const uint64_t *word = memory;
    for (size_t i = 0; i < size / sizeof *word; i++) {
        if (word[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The bin says "zeroed" of memory that really is, and only of what was never used. */
static void test_zeroed(void **state) {
    (void)state;
    (void)chunks_purge_all();
    struct chunk *slab = create(class_of(1024));
    struct bin bin;
    unsigned objects, w = slab_pick_word(&heap, slab, &objects);
    slab_fill_bin(slab, w, &bin);
    assert_true(bin.zeroed);
    for (uint64_t avail; (avail = owner_word_read(bin.avail)) != 0;) {
        void *object = bin_take(&bin, avail);
        assert_true(is_zero(object, 1024));
        memset(object, 1, 1024);
    }
    free_index(slab, 1);
    slab_fill_bin(slab, 0, &bin); /* what was used before comes first */
    assert_true(!bin.zeroed && owner_word_read(bin.avail) == 2);
    slab_take_back(slab);
    while (slab_live(slab) > 0) {
        free_index(slab, lowest_bit(~slab_free_bits(slab, 0)));
    }
    slab_release(slab);
    slab = create(class_of(1024)); /* the same chunk, dirty */
    w = slab_pick_word(&heap, slab, &objects);
    slab_fill_bin(slab, w, &bin);
    assert_false(bin.zeroed);
    slab_take_back(slab);
    slab_release(slab);
    (void)chunks_purge_all();
    slab = create(class_of(1024));
    w = slab_pick_word(&heap, slab, &objects);
    slab_fill_bin(slab, w, &bin);
    assert_true(bin.zeroed && is_zero((void *)bin.base, 1024));
    slab_take_back(slab);
    slab_release(slab);
}

/* Words with enough free objects are taken in their order from the last one on; else never used
 * objects; else the best word there is. */
static void test_pick_word(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64)); /* 8 words, 64 at a time */
    struct bin bin;
    unsigned objects;
    for (unsigned w = 0; w < 4; w++) {
        assert_int_equal(slab_pick_word(&heap, slab, &objects), w);
        slab_fill_bin(slab, w, &bin);
        owner_word_write(bin.avail, 0); /* all taken */
    }
    for (unsigned i = 0; i < 10; i++) {
        free_index(slab, 64 + i);
    }
    free_index(slab, 0);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 1); /* worth it */
    assert_int_equal(objects, 10);
    slab_fill_bin(slab, 1, &bin);
    owner_word_write(bin.avail, 0);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 4); /* one object is not worth it */
    assert_true(objects >= 8);
    for (unsigned w = 4; w < 8; w++) {
        slab_fill_bin(slab, w, &bin);
        owner_word_write(bin.avail, 0);
    }
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 0); /* better than nothing */
    assert_int_equal(objects, 1);
    free_index(slab, 200);
    free_index(slab, 201);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 3);
    assert_int_equal(objects, 2);
}

/* While there are objects never used only some words are looked at, each time on from the last. */
static void test_search_goes_on(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(16)); /* 32 words */
    struct bin bin;
    unsigned objects;
    for (unsigned w = 0; w < 10; w++) {
        slab_fill_bin(slab, w, &bin);
        owner_word_write(bin.avail, 0);
    }
    slab->scan = 0;
    for (unsigned i = 0; i < 20; i++) {
        free_index(slab, 8 * 64 + i);
    }
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 10);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 10);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 8);
    assert_int_equal(objects, 20);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 8);
}

/* What the bin did not hand out is free again, and what was freed meanwhile stays so. */
static void test_take_back(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64));
    struct bin bin;
    slab_fill_bin(slab, 0, &bin);
    (void)bin_take(&bin, owner_word_read(bin.avail));
    (void)bin_take(&bin, owner_word_read(bin.avail));
    free_index(slab, 0);
    assert_false(slab_free_object(slab->bits, 5)); /* available is free */
    assert_int_equal(handed_out(slab), 63);
    slab_take_back(slab);
    assert_int_equal(handed_out(slab), 1);
    assert_int_equal(slab_live(slab), 1);
    assert_true(owner_word_read(bin.avail) == 0);
    assert_true(owner_word_read(&slab->bits->word[0].freed) == ~UINT64_C(2));
    free_index(slab, 1);
    slab_release(slab);
}

static void test_merge(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64));
    exhaust(slab);
    _Atomic(uint64_t) *remote = shared_of(slab)->remote;
    remote[3] = 0xf0;
    remote[7] = UINT64_C(1) << 63;
    uint64_t before = heap.counters.remote_frees;
    assert_true(slab_merge_word(&heap, slab, 0) == 0);
    assert_true(slab_merge_word(&heap, slab, 3) == 0xf0);
    assert_true(slab_merge_word(&heap, slab, 7) == UINT64_C(1) << 63);
    assert_int_equal(remote[3], 0);
    assert_int_equal(handed_out(slab), 512 - 5);
    assert_int_equal(slab_live(slab), 512 - 5);
    assert_int_equal(heap.counters.remote_frees - before, 5);
    unsigned objects;
    remote[5] = ~UINT64_C(0);
    assert_int_equal(slab_pick_word(&heap, slab, &objects), 5); /* merges what it looks at */
    assert_int_equal(objects, 64);
}

static void test_set_owner(void **state) {
    (void)state;
    struct heap other;
    struct chunk *slab = create(class_of(10000));
    slab_set_owner(slab, heap_distance_of(&other) | OWNER_FULL);
    assert_int_equal(chunk_owner(slab), heap_distance_of(&other) | OWNER_FULL);
    assert_ptr_equal(heap_at(owner_heap(chunk_owner(slab))), &other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),    cmocka_unit_test(test_hand_out_all),
        cmocka_unit_test(test_no_object), cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_pick_word), cmocka_unit_test(test_search_goes_on),
        cmocka_unit_test(test_take_back), cmocka_unit_test(test_merge),
        cmocka_unit_test(test_set_owner)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
