/* Slabs by themselves, of a heap that no thread uses: what owners do, without queues. */
#include "core/offer.h"
#include "core/slab.h"
#include "core/spare.h"

#include <string.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/limit.h"
#include "support/core.h"

static struct heap heap;

static struct chunk *create(unsigned class) {
    struct chunk *slab = slab_create(&heap, class);
    assert_non_null(slab);
    return slab;
}

/* Live, or in a bin. */
static unsigned handed_out(const struct chunk *slab) {
    unsigned objects = 0;
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        uint64_t freed = owner_word_read(&slab->words[w].freed);
        objects += count_bits(~freed & slab_valid_bits(slab, w));
    }
    assert_int_equal(slab_is_empty(slab), objects == 0);
    return objects;
}

/* What a heap does with its current slab: goes on with the pass, and begins another one. */
static unsigned refill(struct chunk *slab, struct bin *bin) {
    if (slab_is_growing(slab)) {
        return slab_refill_growing(slab, bin);
    }
    unsigned count = slab_refill_swept(slab, bin, 1);
    if (count == 0) {
        slab->scan = 0;
        count = slab_refill_swept(slab, bin, 1);
    }
    return count;
}

/* Returns the word that the bin got objects of. */
static unsigned fill(struct chunk *slab, struct bin *bin) {
    assert_true(refill(slab, bin) != 0);
    assert_ptr_equal(bin->avail, &slab->words[slab->cursor].avail);
    return slab->cursor;
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
            assert_true(owner_word_read(&slab->words[w].avail) == 0);
            assert_true(owner_word_read(&slab->words[w].freed) == ~UINT64_C(0));
            assert_int_equal((uintptr_t)&slab->words[w] / CACHE_LINE,
                             (uintptr_t)&slab->words[w].freed / CACHE_LINE);
            objects += count_bits(slab_valid_bits(slab, w));
        }
        assert_int_equal(objects, size_class->capacity);
        slab_release(&heap, slab);
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
        assert_true(exact && index < slab->capacity && !seen[index]);
        assert_true(object_index(slab, object + bin->size - 1, &exact) == index && !exact);
        seen[index] = true;
    }
}

/* Hands out everything. */
static void exhaust(struct chunk *slab) {
    bool seen[4096] = {false};
    unsigned total = 0;
    struct bin bin;
    for (unsigned count; (count = refill(slab, &bin)) != 0;) {
        unsigned w = slab->cursor;
        struct slab_word *word = &slab->words[w];
        assert_ptr_equal(bin.avail, &word->avail);
        uint64_t avail = owner_word_read(&word->avail), freed = owner_word_read(&word->freed);
        assert_true((avail & freed) == 0 && (avail & ~slab_valid_bits(slab, w)) == 0);
        assert_true(slab_free_bits(slab, w) == (avail | freed));
        unsigned got = count_bits(avail);
        assert_true(got > 0 && got <= count);
        assert_int_equal(bin.size, slab_class(slab)->size);
        total += got;
        assert_int_equal(handed_out(slab), total);
        use_up(slab, &bin, seen);
    }
    assert_false(slab_has_free(slab));
    assert_int_equal(total, slab->capacity);
    assert_int_equal(slab_live(slab), total);
}

static void free_index(struct chunk *slab, unsigned i) {
    enum freed freed = slab_free_object(slab, i);
    bool all_of_word = owner_word_read(&slab->words[i / 64].freed) == ~UINT64_C(0);
    assert_int_equal(freed, all_of_word ? FREED_ALL_OF_WORD : FREED);
    assert_int_equal(slab_free_object(slab, i), FREED_TWICE);
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
        slab_release(&heap, slab);
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
            assert_int_equal(slab_free_object(slab, i), FREED_TWICE);
        }
        for (unsigned i = 0; i < capacity; i++) {
            free_index(slab, i);
        }
        slab_release(&heap, slab);
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
    spare_flush(&heap);
    (void)chunks_purge_all();
    struct chunk *slab = create(class_of(1024));
    struct bin bin;
    (void)fill(slab, &bin);
    assert_true(bin.zeroed);
    for (uint64_t avail; (avail = owner_word_read(bin.avail)) != 0;) {
        void *object = bin_take(&bin, avail);
        assert_true(is_zero(object, 1024));
        memset(object, 1, 1024);
    }
    free_index(slab, 1);
    free_index(slab, 2);
    (void)fill(slab, &bin); /* what was used before comes first */
    assert_true(!bin.zeroed && owner_word_read(bin.avail) == 6);
    slab_take_back(slab);
    while (slab_live(slab) > 0) {
        free_index(slab, lowest_bit(~slab_free_bits(slab, 0)));
    }
    slab_release(&heap, slab);
    slab = create(class_of(1024)); /* the same chunk, dirty */
    (void)fill(slab, &bin);
    assert_false(bin.zeroed);
    slab_take_back(slab);
    slab_release(&heap, slab);
    spare_flush(&heap);
    (void)chunks_purge_all();
    slab = create(class_of(1024));
    (void)fill(slab, &bin);
    assert_true(bin.zeroed && is_zero((void *)bin.base, 1024));
    slab_take_back(slab);
    slab_release(&heap, slab);
}

/* All that the bin gets goes to the program; returns the word. */
static unsigned take_word(struct chunk *slab) {
    struct bin bin;
    unsigned w = fill(slab, &bin);
    owner_word_write(bin.avail, 0);
    return w;
}

static void free_some(struct chunk *slab, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++) {
        free_index(slab, i);
    }
}

/* A growing slab goes back to words with enough free objects, in their order, else it grows. */
static void test_growing(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64)); /* 8 words, 64 at a time, 8 are worth it */
    for (unsigned w = 0; w < 4; w++) {
        assert_int_equal(take_word(slab), w);
    }
    free_some(slab, 64, 10);
    free_some(slab, 0, 7);
    slab->scan = 0;
    assert_int_equal(take_word(slab), 1);
    assert_int_equal(take_word(slab), 4); /* seven objects are not worth it */
    for (unsigned w = 5; w < 8; w++) {
        assert_int_equal(take_word(slab), w);
    }
    assert_false(slab_is_growing(slab));
    assert_int_equal(take_word(slab), 0); /* now they are */
    assert_false(slab_has_free(slab));
}

/* A slab that does not grow is swept: each word once, whatever is free in it. */
static void test_sweep(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64));
    exhaust(slab);
    struct bin bin;
    free_some(slab, 70, 1);
    free_some(slab, 200, 2);
    free_some(slab, 511, 1);
    slab->scan = 0;
    assert_int_equal(slab_refill_swept(slab, &bin, 1), 1);
    assert_int_equal(slab->cursor, 1);
    owner_word_write(bin.avail, 0);
    free_some(slab, 71, 3); /* behind: for the next pass */
    assert_int_equal(slab_refill_swept(slab, &bin, 2), 2);
    assert_int_equal(slab->cursor, 3);
    owner_word_write(bin.avail, 0);
    assert_int_equal(slab_refill_swept(slab, &bin, 2), 0); /* one is less than two */
    assert_int_equal(slab_refill_swept(slab, &bin, 1), 0); /* and that pass is over */
    assert_true(slab_has_free(slab));
    slab->scan = 0;
    assert_int_equal(slab_refill_swept(slab, &bin, 1), 3);
    owner_word_write(bin.avail, 0);
    assert_int_equal(slab_refill_swept(slab, &bin, 1), 1);
    assert_int_equal(slab->cursor, 7);
    owner_word_write(bin.avail, 0);
    assert_false(slab_has_free(slab));
}

/* While there are objects never used only some words are looked at, each time on from the last. */
static void test_search_goes_on(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(16)); /* 32 words */
    for (unsigned w = 0; w < 10; w++) {
        assert_int_equal(take_word(slab), w);
    }
    slab->scan = 0;
    free_some(slab, 8 * 64, 20);
    assert_int_equal(take_word(slab), 10);
    assert_int_equal(take_word(slab), 11);
    assert_int_equal(take_word(slab), 8);
    assert_int_equal(take_word(slab), 12);
}

/* Few large objects at once: all, if there are not many; else the ones in a few places. */
static void test_handful(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(1024)); /* 32 objects, 8 at a time */
    exhaust(slab);
    slab->scan = 0;
    static const unsigned freed[] = {3, 5, 10, 11, 20, 31};
    for (size_t i = 0; i < sizeof freed / sizeof *freed; i++) {
        free_index(slab, freed[i]);
    }
    struct bin bin;
    (void)fill(slab, &bin);
    assert_int_equal(owner_word_read(bin.avail),
                     1u << 3 | 1u << 5 | 1u << 10 | 1u << 11 | 1u << 20 | 1u << 31);
    owner_word_write(bin.avail, 0);
    free_some(slab, 2, 24);
    (void)fill(slab, &bin);
    assert_int_equal(owner_word_read(bin.avail), low_mask(8 * (64 / 24)) << 2);
    owner_word_write(bin.avail, 0);
    (void)fill(slab, &bin);
    assert_int_equal(owner_word_read(bin.avail) & 1, 0);
    assert_int_equal(slab->cursor, 0);
}

/* What the bin did not hand out is free again, and what was freed meanwhile stays so. */
static void test_take_back(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64));
    struct bin bin;
    (void)fill(slab, &bin);
    (void)bin_take(&bin, owner_word_read(bin.avail));
    (void)bin_take(&bin, owner_word_read(bin.avail));
    free_index(slab, 0);
    assert_int_equal(slab_free_object(slab, 5), FREED_TWICE); /* available is free */
    assert_int_equal(handed_out(slab), 63);
    slab_take_back(slab);
    assert_int_equal(handed_out(slab), 1);
    assert_int_equal(slab_live(slab), 1);
    assert_true(owner_word_read(bin.avail) == 0);
    assert_true(owner_word_read(&slab->words[0].freed) == ~UINT64_C(2));
    free_index(slab, 1);
    slab_release(&heap, slab);
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
}

/* --- wide slabs ------------------------------------------------------------------------------- */

/* As for a heap that has some slabs of the class already. */
static struct chunk *create_wide(unsigned class) {
    heap.queues[class].slabs = 2;
    struct chunk *slab = create(class);
    heap.queues[class].slabs = 0;
    assert_int_equal(slab->chunks, size_classes[class].chunks);
    return slab;
}

/* Its chunks say what free looks at, and lead to the first; objects that span two are found by
 * either. */
static void test_wide(void **state) {
    (void)state;
    for (unsigned class = WIDE_FROM_CLASS; class < CLASS_COUNT; class ++) {
        size_t before = block_totals.taken, chunks = size_classes[class].chunks;
        struct chunk *slab = create_wide(class);
        size_t size = size_classes[class].size;
        assert_int_equal(block_totals.taken, before + chunks);
        assert_int_equal(slab->capacity, chunks * CHUNK_SIZE / size);
        for (unsigned i = 0; i < slab->capacity; i++) {
            bool exact;
            uintptr_t object = slab->start + i * size, last = object + size - 1;
            assert_int_equal(object_index(chunk_of(object), object, &exact), i);
            assert_true(exact);
            assert_int_equal(object_index(chunk_of(last), last, &exact), i);
            assert_false(exact);
            assert_ptr_equal(slab_of_chunk(chunk_of(last)), slab);
            assert_ptr_equal(slab_word_of(chunk_of(object), i), &slab->one);
        }
        slab_set_owner(slab, OWNER_FULL);
        for (unsigned i = 0; i < chunks; i++) {
            assert_int_equal(chunk_owner(&slab[i]), OWNER_FULL);
        }
        slab_release(&heap, slab);
        for (unsigned i = 0; i < chunks; i++) {
            assert_true(chunk_is(&slab[i], CHUNK_RELEASED) && slab[i].reciprocal == 0);
            assert_true(chunk_owner(&slab[i]) == OWNER_NONE);
            assert_null(slab_of_chunk(&slab[i]));
        }
        assert_int_equal(block_totals.taken, before);
    }
}

static void test_wide_hands_out_all(void **state) {
    (void)state;
    for (unsigned class = WIDE_FROM_CLASS; class < CLASS_COUNT; class ++) {
        struct chunk *slab = create_wide(class);
        exhaust(slab);
        free_some(slab, 0, slab->capacity);
        exhaust(slab);
        free_some(slab, 0, slab->capacity);
        slab_release(&heap, slab);
    }
}

/* Where there is no room for several chunks, it has one; and where only one is wanted. */
static void test_wide_falls_back(void **state) {
    (void)state;
    spare_flush(&heap);
    (void)chunks_purge_all();
    limit_set_hard((block_totals.taken + 1) * CHUNK_SIZE);
    heap.queues[WIDE_FROM_CLASS].slabs = 2;
    struct chunk *slab = create(WIDE_FROM_CLASS);
    limit_set_hard(0);
    assert_int_equal(slab->chunks, 1);
    assert_int_equal(slab->capacity, size_classes[WIDE_FROM_CLASS].capacity);
    slab_release(&heap, slab);
    heap.queues[WIDE_FROM_CLASS].slabs = 0;
    heap.queues[WIDE_FROM_CLASS - 1].slabs = 100;
    slab = create(WIDE_FROM_CLASS - 1);
    assert_int_equal(slab->chunks, 1);
    slab_release(&heap, slab);
    heap.queues[WIDE_FROM_CLASS - 1].slabs = 0;
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
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_hand_out_all),
        cmocka_unit_test(test_no_object),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_search_goes_on),
        cmocka_unit_test(test_handful),
        cmocka_unit_test(test_take_back),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_wide_hands_out_all),
        cmocka_unit_test(test_wide_falls_back),
        cmocka_unit_test(test_set_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
