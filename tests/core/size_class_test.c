#include "core/size_class.h"

#include "base/bits.h"
#include "core/geometry.h"
#include "core/slab.h"
#include "support/core.h"

static size_t formula(unsigned class) {
    if (class < 8) {
        return 16 * (class + 1);
    }
    if (class < 40) {
        return (size_t)(9 + (class - 8) % 8) << (4 + (class - 8) / 8);
    }
    if (class < 48) {
        return CHUNK_SIZE / (55 - class) / 64 * 64;
    }
    unsigned doublings = (class - 48) / 5, place = (class - 48) % 5;
    return place != 0 ? (size_t)(4 + place) << (10 + doublings)
                      : ((size_t)65536 << doublings) / 15 / 16 * 16;
}

static void test_sizes(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        assert_int_equal(size_classes[class].size, formula(class));
        assert_int_equal(size_classes[class].size % GRANULE, 0);
        assert_true(class == 0 || formula(class) > formula(class - 1));
    }
    assert_int_equal(size_classes[CLASS_COUNT - 1].size, SLAB_MAX);
    assert_int_equal(size_classes[NARROW_CLASS_COUNT - 1].size, NARROW_MAX);
    assert_int_equal(size_classes[WIDE_FROM_CLASS - 1].size, 4096);
}

/* The smallest class that suffices, for every size there is. */
static void test_class_of(void **state) {
    (void)state;
    unsigned expected = 0;
    for (size_t size = 0; size <= SLAB_MAX; size++) {
        while (formula(expected) < size) {
            expected++;
        }
        assert_int_equal(class_of(size), expected);
        assert_int_equal(heap_origin.bin_offsets[(size + 15) / 16], expected * sizeof(struct bin));
    }
}

/* Up to 2 KiB an eighth is wasted at most; up to 4 KiB no slab could hold one more such object;
 * above that it is a fifth, mostly of pages that are never touched, and less of what is a page or
 * more with a header. */
static void test_waste(void **state) {
    (void)state;
    for (size_t size = 1; size <= SLAB_MAX; size++) {
        const struct size_class *size_class = &size_classes[class_of(size)];
        if (size <= 2048) {
            size_t waste = size_class->size - round_up(size, 16);
            assert_true(waste * 8 <= size_class->size);
        } else if (size > 4096) {
            assert_true((size_class->size - size) * 5 <= size_class->size);
            size_t power = next_power_of_two(size) / 2;
            assert_true(size - power > power / 16 || size_class->size <= power + power / 15);
        } else {
            assert_true((size_class->capacity + 1u) * round_up(size, 64) > CHUNK_SIZE);
        }
    }
}

/* The piece at the end is small; of slabs of one chunk with few objects it need not be. */
static void check_end(unsigned class, unsigned chunks) {
    size_t bytes = chunks * CHUNK_SIZE, size = size_classes[class].size;
    assert_int_equal(slab_whole_capacity(class, chunks), bytes / size);
    assert_true((bytes % size) * 15 <= bytes);
}

static void test_slabs(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        const struct size_class *size_class = &size_classes[class];
        size_t bytes = CHUNK_SIZE;
        assert_int_equal(size_class->capacity, bytes / size_class->size);
        assert_int_equal(size_class->capacity >= 8, class < WIDE_FROM_CLASS);
        assert_int_equal(size_class->capacity >= 2, class < NARROW_CLASS_COUNT);
        assert_int_equal(size_class->chunks > 1, class >= WIDE_FROM_CLASS);
        assert_true(size_class->chunks <= WIDE_CHUNKS);
        check_end(class, size_class->chunks);
        assert_in_range(slab_whole_capacity(class, size_class->chunks), 8, 2048);
        bool is_page_with_header = class >= WIDE_FROM_CLASS && (class - WIDE_FROM_CLASS) % 5 == 0;
        assert_true(size_class->chunks == 1 || is_page_with_header ||
                    slab_whole_capacity(class, size_class->chunks) <= 12);
        assert_true(!is_page_with_header || slab_whole_capacity(class, size_class->chunks) == 15);
        assert_int_equal(size_class->words,
                         ((bytes + size_class->size - 1) / size_class->size + 63) / 64);
        assert_true(size_class->words <= 64); /* the bits of a summary */
        assert_true(size_class->handful >= 1 && size_class->handful <= 64);
        assert_true(size_class->worth >= 1 && size_class->worth <= size_class->handful);
    }
}

/* Division by multiplication, for every offset in a slab of every class. */
static void test_reciprocals(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        const struct size_class *size_class = &size_classes[class];
        struct chunk chunk = {.reciprocal = size_class->reciprocal, .start = 5 * CHUNK_SIZE};
        size_t index = 0, rest = 0, wrong = 0;
        for (size_t offset = 0; offset < WIDE_CHUNKS * CHUNK_SIZE; offset++) {
            bool exact;
            wrong += object_index(&chunk, chunk.start + offset, &exact) != index;
            wrong += exact != (rest == 0);
            if (++rest == size_class->size) {
                rest = 0;
                index++;
            }
        }
        assert_int_equal(wrong, 0);
    }
}

/* Every alignment up to the largest class is served by some class. */
static void test_alignments(void **state) {
    (void)state;
    for (size_t alignment = 16; alignment <= SLAB_MAX; alignment *= 2) {
        unsigned class = class_of(alignment);
        assert_int_equal(size_classes[class].size, alignment);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_class_of),
        cmocka_unit_test(test_waste),       cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_reciprocals), cmocka_unit_test(test_alignments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
