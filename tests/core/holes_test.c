/* Pages without a live object inside slabs go back while the program frees. */
#include "core/holes.h"

#include <string.h>

#include "core/block.h"
#include "core/limit.h"
#include "core/slab.h"
#include "core/trim.h"
#include "core/walk.h"
#include "support/dies.h"

enum { SIZE = 512, SLABS = 200, CAPACITY = 64, OBJECTS = SLABS * CAPACITY, TIMES = 5 };
static unsigned char *objects[TIMES * OBJECTS];
static size_t in_use = OBJECTS; /* of these */

static unsigned char mark_of(size_t i) { return (unsigned char)(i * 7 + 1); }

static void take_object(size_t i) {
    objects[i] = take(SIZE);
    assert_non_null(objects[i]);
    memset(objects[i], mark_of(i), SIZE);
}

static void give_object(size_t i) {
    for (size_t b = 0; b < SIZE; b++) {
        assert_int_equal(objects[i][b], mark_of(i));
    }
    give(objects[i]);
    objects[i] = NULL;
}

static void take_all(void) {
    for (size_t i = 0; i < in_use; i++) {
        if (objects[i] == NULL) {
            take_object(i);
        }
    }
}

static void give_all(void) {
    for (size_t i = 0; i < in_use; i++) {
        if (objects[i] != NULL) {
            give_object(i);
        }
    }
    assert_intact();
}

static uint64_t given_back(void) { return heap_self()->counters.hole_bytes; }

static size_t resident_of(size_t first, size_t count) {
    size_t resident = 0;
    for (size_t i = first; i < first + count; i += CAPACITY) {
        struct chunk *slab = chunk_of((uintptr_t)objects[i]);
        resident += os_resident_bytes((void *)slab->start, CHUNK_SIZE);
    }
    return resident;
}

static int start(void **state) {
    (void)state;
    give(take(SIZE));
    (void)trim();
    heap_self()->holes = (struct holes){0};
    return 0;
}

/* All but the first of each slab, in any order; step and their number have no common factor. */
static void give_in_steps(size_t step) {
    for (size_t n = 0, i = 0; n < in_use; n++, i = (i + step) % in_use) {
        if (i % CAPACITY != 0) {
            give_object(i);
        }
    }
}

static void survivors_keep_their_pages_only(size_t step) {
    if (os_page_size() != 4096) {
        skip();
    }
    take_all();
    uint64_t before = given_back();
    assert_int_equal(resident_of(0, OBJECTS), SLABS * CHUNK_SIZE);
    give_in_steps(step);
    assert_intact();
    size_t resident = resident_of(0, OBJECTS);
    assert_true(given_back() - before + resident <= SLABS * CHUNK_SIZE);
    assert_true(resident < SLABS * CHUNK_SIZE / 2); /* an eighth is what survivors need */
    give_all();
}

static void test_in_order(void **state) {
    (void)state;
    survivors_keep_their_pages_only(1);
}

static void test_in_any_order(void **state) {
    (void)state;
    survivors_keep_their_pages_only(7919);
}

/* Of objects larger than a page, in slabs of several chunks. */
static void test_wide(void **state) {
    (void)state;
    enum { LARGE = 12288, COUNT = 21 * 20 }; /* so many slabs that all chunks but two are theirs */
    if (os_page_size() != 4096) {
        skip();
    }
    static unsigned char *large[COUNT];
    size_t resident = 0, before = given_back();
    for (size_t i = 0; i < COUNT; i++) {
        large[i] = take(LARGE);
        memset(large[i], mark_of(i), LARGE);
    }
    for (size_t n = 0, i = 0; n < COUNT; n++, i = (i + 101) % COUNT) {
        if (i % 7 != 0) {
            give(large[i]);
        }
    }
    assert_intact();
    assert_true(given_back() > before);
    for (size_t i = 0; i < COUNT; i++) {
        resident += os_resident_bytes(large[i], LARGE);
        for (size_t b = 0; i % 7 == 0 && b < LARGE; b++) {
            assert_int_equal(large[i][b], mark_of(i));
        }
    }
    assert_true(resident < (size_t)COUNT * LARGE / 3); /* a seventh is what survivors need */
    for (size_t i = 0; i < COUNT; i += 7) {
        give(large[i]);
    }
    assert_intact();
}

/* Of the last object of each slab. */
static void set_huge(bool huge) {
    for (size_t i = CAPACITY - 1; i < OBJECTS; i += CAPACITY) {
        block_set_huge(block_of((uintptr_t)objects[i]), huge);
    }
}

/* As if the kernel had given huge pages.  Returns what was given back so far. */
static uint64_t take_all_as_huge(void) {
    take_all();
    set_huge(true);
    return given_back();
}

static void give_rest_of_huge(void) {
    set_huge(false);
    give_all();
}

static void give_pages(size_t first, size_t end) {
    for (size_t i = 0; i < OBJECTS; i++) {
        if (i % CAPACITY / (CAPACITY / 8) >= first && i % CAPACITY / (CAPACITY / 8) < end) {
            give_object(i);
        }
    }
}

/* Half of the pages of slabs in a huge page are no reason to split it; more than that are. */
static void test_huge(void **state) {
    (void)state;
    if (os_page_size() != 4096) {
        skip();
    }
    uint64_t before = take_all_as_huge();
    give_pages(0, 4);
    assert_int_equal(given_back(), before);
    give_pages(4, 6);
    assert_true(given_back() > before);
    give_rest_of_huge();
}

static void test_huge_above_limit(void **state) {
    (void)state;
    if (os_page_size() != 4096) {
        skip();
    }
    uint64_t before = take_all_as_huge();
    limit_set_soft(1);
    give_pages(0, 4);
    assert_true(given_back() > before);
    limit_set_soft(0);
    give_rest_of_huge();
}

/* What is handed out again is never given back behind the program's back. */
static void test_use_again(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        take_all();
        give_in_steps(7919);
        take_all();
        for (size_t i = 0; i < OBJECTS; i += 2) {
            give_object(i);
        }
        for (size_t i = 0; i < OBJECTS; i += 4) {
            take_object(i);
        }
        assert_intact();
        give_all();
    }
}

/* Nothing goes while as much is allocated as is freed. */
static void test_steady(void **state) {
    (void)state;
    take_all();
    uint64_t before = given_back();
    for (size_t n = 0, i = 0; n < 4 * OBJECTS; n++, i = (i + 7919) % OBJECTS) {
        give_object(i);
        take_object(i);
    }
    assert_int_equal(given_back(), before);
    give_all();
}

/* A class that swings is left alone after a while, also if each fall frees so much that it seems
 * worth it until the rise. */
static void test_swing(void **state) {
    (void)state;
    in_use = TIMES * OBJECTS;
    uint64_t first = 0, last = 0;
    for (int round = 0; round < 12; round++) {
        take_all();
        uint64_t before = given_back();
        give_in_steps(7919);
        last = given_back() - before;
        first = round == 0 ? last : first;
    }
    assert_true(first == 0 || last < first / 4);
    give_all();
    in_use = OBJECTS;
}

/* Neither a released slab nor one of an ended thread leaves ranges behind that are not its. */
static void *take_and_give_most(void *argument) {
    (void)argument;
    take_all();
    give_in_steps(7919);
    return NULL;
}

static void test_end_of_thread(void **state) {
    (void)state;
    in_thread(take_and_give_most, NULL);
    assert_intact();
    give_all();
}

/* --- a heap of few slabs of each class -------------------------------------------------------- */

enum { MIXED = 700, KEPT_ONE_IN = 35 };
static unsigned char *mixed[MIXED];

/* Sizes as programs have them: as many below a power of two as above the one before. */
static size_t mixed_size(size_t i) {
    size_t most = (size_t)32 << i % 9;
    return most / 2 + i * 7919 % (most / 2) + 1;
}

static void take_mixed(void) {
    for (size_t i = 0; i < MIXED; i++) {
        mixed[i] = take(mixed_size(i));
        memset(mixed[i], mark_of(i), mixed_size(i));
    }
}

/* In any order, one in `kept` survives. */
static void give_mixed(size_t kept) {
    for (size_t n = 0, i = 0; n < MIXED; n++, i = (i + 101) % MIXED) {
        if (mixed[i] != NULL && i % kept != 0) {
            give(mixed[i]);
            mixed[i] = NULL;
        }
    }
}

static void give_survivors(void) {
    for (size_t i = 0; i < MIXED; i += KEPT_ONE_IN) {
        give(mixed[i]);
        mixed[i] = NULL;
    }
    assert_intact();
}

static void add_resident(struct chunk *slab, void *argument) {
    *(size_t *)argument += os_resident_bytes((void *)slab->start, slab_bytes(slab));
}

static size_t resident_in_slabs(void) {
    size_t resident = 0;
    walk_slabs(add_resident, &resident);
    return resident;
}

/* A thread that works once, keeps a little, and waits, holds little more than the pages of that. */
static void test_few_slabs(void **state) {
    (void)state;
    if (os_page_size() != 4096) {
        skip();
    }
    take_mixed();
    size_t before = resident_in_slabs(), needed = 0;
    give_mixed(KEPT_ONE_IN);
    assert_intact();
    for (size_t i = 0; i < MIXED; i += KEPT_ONE_IN) {
        needed += round_up(mixed_size(i), os_page_size()) + os_page_size();
        for (size_t b = 0; b < mixed_size(i); b++) {
            assert_int_equal(mixed[i][b], mark_of(i));
        }
    }
    size_t after = resident_in_slabs();
    assert_true(needed < before / 6);
    assert_in_range(after, 0, needed);
    give_survivors();
}

/* Without survivors no slab is left but a few in which the last frees were. */
static void test_no_survivors(void **state) {
    (void)state;
    take_mixed();
    struct heap_counters before = heap_self()->counters;
    give_mixed(MIXED + 1);
    give(mixed[0]); /* which is no multiple of anything else */
    mixed[0] = NULL;
    uint64_t released = heap_self()->counters.slabs_released - before.slabs_released;
    assert_in_range(released, before.slabs_created - before.slabs_released - 5, UINT32_MAX);
    assert_intact();
}

static bool has_left_all(void) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        if (heap_self()->queues[c].current != NULL) {
            return false;
        }
    }
    return true;
}

/* A thread that has many slabs of one class gives up the bins of all the same, after a while. */
static void test_few_beside_many(void **state) {
    (void)state;
    take_mixed();
    in_use = TIMES * OBJECTS;
    take_all();
    give_mixed(KEPT_ONE_IN);
    assert_false(has_left_all());
    give_in_steps(7919);
    assert_true(has_left_all());
    give_all();
    in_use = OBJECTS;
    give_survivors();
}

/* Who takes and frees hundreds of objects in turn keeps his slabs most of the time. */
static void test_rounds(void **state) {
    (void)state;
    enum { TEST_MS = 200, PAUSE_MS = 5 };
    uint64_t begin_ms = os_clock_ms();
    size_t left = 0;
    while (os_clock_ms() - begin_ms < TEST_MS) {
        take_mixed();
        give_mixed(MIXED + 1);
        give(mixed[0]);
        left += has_left_all();
    }
    assert_in_range(left, 1, (os_clock_ms() - begin_ms) / PAUSE_MS + 1);
    mixed[0] = NULL;
}

static void free_twice_into_watched(void *argument) {
    (void)argument;
    take_all();
    give_in_steps(7919);
    struct queue *queue = &heap_self()->queues[class_of(SIZE)];
    struct chunk *slab = queue->head;
    slab_set_owner(slab, heap_distance | OWNER_FULL | OWNER_WATCHED);
    give((void *)(slab->start + SIZE)); /* the second of each is free */
}

static void test_double_free(void **state) {
    (void)state;
    assert_dies(free_twice_into_watched, NULL, "double free of an object of size class 512");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_order, start),
        cmocka_unit_test_setup(test_in_any_order, start),
        cmocka_unit_test_setup(test_wide, start),
        cmocka_unit_test_setup(test_huge, start),
        cmocka_unit_test_setup(test_huge_above_limit, start),
        cmocka_unit_test_setup(test_use_again, start),
        cmocka_unit_test_setup(test_steady, start),
        cmocka_unit_test_setup(test_swing, start),
        cmocka_unit_test_setup(test_end_of_thread, start),
        cmocka_unit_test_setup(test_few_slabs, start),
        cmocka_unit_test_setup(test_no_survivors, start),
        cmocka_unit_test_setup(test_few_beside_many, start),
        cmocka_unit_test_setup(test_rounds, start),
        cmocka_unit_test_setup(test_double_free, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
