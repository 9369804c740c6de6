/* Slabs by themselves, of a heap that no thread uses: what owners do, without queues. */
#include "core/offer.h"
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

/* A handful of what the slab has to offer; returns the word that it is of. */
static unsigned fill(struct chunk *slab, struct bin *bin) {
    struct offer offer = slab_offer(&heap, slab);
    assert_true(offer.slab == slab && offer.objects != 0);
    slab_accept(&offer, bin);
    assert_int_equal(slab->cursor, offer.word);
    return offer.word;
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
    unsigned total = 0;
    for (struct offer offer; offer = slab_offer(&heap, slab), offer.objects != 0;) {
        struct bin bin;
        slab_accept(&offer, &bin);
        unsigned w = offer.word;
        struct slab_word *word = &slab->words[w];
        assert_true(offer.is_fresh || offer.count == count_bits(offer.objects));
        assert_true(offer.is_fresh ||
                    offer.is_worth_it == (offer.count >= slab_class(slab)->worth));
        assert_ptr_equal(bin.avail, &word->avail);
        uint64_t avail = owner_word_read(&word->avail), freed = owner_word_read(&word->freed);
        assert_true((avail & freed) == 0 && (avail & ~offer.objects) == 0);
        assert_true((avail & ~slab_valid_bits(slab, w)) == 0);
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
            assert_int_equal(slab_free_object(slab, i), FREED_TWICE);
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
    slab_release(slab);
    slab = create(class_of(1024)); /* the same chunk, dirty */
    (void)fill(slab, &bin);
    assert_false(bin.zeroed);
    slab_take_back(slab);
    slab_release(slab);
    (void)chunks_purge_all();
    slab = create(class_of(1024));
    (void)fill(slab, &bin);
    assert_true(bin.zeroed && is_zero((void *)bin.base, 1024));
    slab_take_back(slab);
    slab_release(slab);
}

/* Takes what is offered; all of it goes to the program. */
static unsigned take_offer(struct chunk *slab) {
    struct bin bin;
    unsigned w = fill(slab, &bin);
    owner_word_write(bin.avail, 0);
    return w;
}

static void assert_offer(struct chunk *slab, unsigned word, unsigned count) {
    struct offer offer = slab_offer(&heap, slab);
    assert_int_equal(offer.word, word);
    assert_int_equal(offer.count, count);
    assert_int_equal(count_bits(offer.objects), count);
    assert_int_equal(offer.is_worth_it, count >= 8);
}

/* Words with enough free objects are offered in their order from the last one on; else objects
 * never used; else the best word there is. */
static void test_offer(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(64)); /* 8 words, 64 at a time, 8 are worth it */
    for (unsigned w = 0; w < 4; w++) {
        assert_int_equal(take_offer(slab), w);
    }
    for (unsigned i = 0; i < 10; i++) {
        free_index(slab, 64 + i);
    }
    free_index(slab, 0);
    assert_offer(slab, 1, 10);
    assert_int_equal(take_offer(slab), 1);
    assert_true(slab_offer(&heap, slab).is_fresh); /* one object is not worth it */
    assert_offer(slab, 4, 64);
    for (unsigned w = 4; w < 8; w++) {
        assert_int_equal(take_offer(slab), w);
    }
    assert_offer(slab, 0, 1); /* better than nothing */
    free_index(slab, 200);
    free_index(slab, 201);
    assert_offer(slab, 3, 2);
    assert_int_equal(take_offer(slab), 3);
    assert_int_equal(take_offer(slab), 0);
    assert_offer(slab, 0, 0); /* full */
}

/* While there are objects never used only some words are looked at, each time on from the last. */
static void test_search_goes_on(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(16)); /* 32 words */
    for (unsigned w = 0; w < 10; w++) {
        assert_int_equal(take_offer(slab), w);
    }
    slab->scan = 0;
    for (unsigned i = 0; i < 20; i++) {
        free_index(slab, 8 * 64 + i);
    }
    assert_offer(slab, 10, 64);
    assert_offer(slab, 10, 64);
    assert_offer(slab, 8, 20);
    assert_offer(slab, 8, 20);
}

/* What is handed out at once lies within a handful of places. */
static void test_handful(void **state) {
    (void)state;
    struct chunk *slab = create(class_of(1024)); /* 32 objects, 8 at a time */
    exhaust(slab);
    static const unsigned freed[] = {3, 5, 10, 11, 20, 31};
    for (size_t i = 0; i < sizeof freed / sizeof *freed; i++) {
        free_index(slab, freed[i]);
    }
    struct bin bin;
    (void)fill(slab, &bin);
    assert_int_equal(owner_word_read(bin.avail), 1u << 3 | 1u << 5 | 1u << 10);
    assert_int_equal(take_offer(slab), 0);
    assert_int_equal(handed_out(slab), 32 - 2);
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
    remote[5] = ~UINT64_C(0);
    struct offer offer = slab_offer(&heap, slab); /* merges what it looks at */
    assert_int_equal(offer.word, 5);
    assert_int_equal(offer.count, 64);
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
        cmocka_unit_test(test_offer),     cmocka_unit_test(test_search_goes_on),
        cmocka_unit_test(test_handful),   cmocka_unit_test(test_take_back),
        cmocka_unit_test(test_merge),     cmocka_unit_test(test_set_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
