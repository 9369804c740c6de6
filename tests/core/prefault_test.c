#include "core/prefault.h"

#include <string.h>

#include "core/block.h"
#include "core/chunk_map.h"
#include "core/large.h"
#include "os/os.h"
#include "support/core.h"

/* Less than 16 MiB in most tests: new blocks are huge pages in a larger heap. */
#define MIB ((size_t)1 << 20)

static char *make(size_t size) {
    bool zeroed;
    char *object = large_allocate(size, CHUNK_SIZE, &zeroed);
    assert_non_null(object);
    return object;
}

static char *make_used(size_t size) { return memset(make(size), 1, size); }

/* The next one comes on memory that is not resident. */
static void unmake(char *object) {
    assert_true(large_free(chunk_of((uintptr_t)object)));
    (void)chunks_purge_all();
}

static int clean_up(void **state) {
    (void)state;
    assert_int_equal(block_totals.taken, 0);
    return 0;
}

/* So many objects, one after the other, each freed before the next one comes. */
static void make_some(size_t count, size_t size, bool whole) {
    for (size_t i = 0; i < count; i++) {
        char *object = make(size);
        memset(object, 1, whole ? size : 1);
        unmake(object);
    }
}

/* The last page as well, where it is part of a huge one. */
static void assert_resident_but_its_end(const char *address, size_t size) {
    size_t end = os_page_size();
    assert_int_equal(os_resident_bytes((void *)address, size - end), size - end);
}

/* Nobody knows how much of its new half is used ever.  (The first of the tests, as little may have
 * been in use lately.) */
static void test_an_array_that_doubles(void **state) {
    (void)state;
    size_t size = MIB, zeroed_from;
    char *array = make(size);
    for (int i = 0; i < 4; i++, size *= 2) {
        memset(array, 1, size);
        array = large_resize(chunk_of((uintptr_t)array), 2 * size, &zeroed_from);
        if (array == NULL) {
            skip(); /* older kernels can't move pages */
        }
        assert_int_equal(os_resident_bytes(array + size, size), 0);
    }
    unmake(array);
}

/* As Python's lists grow. */
static void test_steps_of_an_eighth(void **state) {
    (void)state;
    size_t size = 16 * CHUNK_SIZE, step = size / 8, zeroed_from;
    char *array = make_used(size);
    assert_ptr_equal(large_resize(chunk_of((uintptr_t)array), size + step, &zeroed_from), array);
    assert_int_equal(os_resident_bytes(array + size, step), step);
    size += step;
    step = size / 3;
    assert_ptr_equal(large_resize(chunk_of((uintptr_t)array), size + step, &zeroed_from), array);
    assert_int_equal(os_resident_bytes(array + size, step), 0);
    unmake(array);
}

static void test_objects_used_whole(void **state) {
    (void)state;
    char *others = make_used(8 * MIB);
    make_some(2, MIB, true);
    char *object = make(MIB);
    assert_resident_but_its_end(object, MIB);
    unmake(object); /* its last page was not touched */
    object = make(MIB);
    assert_int_equal(os_resident_bytes(object, MIB), 0);
    unmake(object);
    unmake(others);
}

/* What ends with a huge page was resident by guess to its end, so some time it is left alone. */
static void test_guesses_end(void **state) {
    (void)state;
    char *others = make_used(8 * MIB);
    make_some(2, MIB, true);
    size_t guesses = 0, resident;
    do {
        char *object = make(BLOCK_SIZE);
        resident = os_resident_bytes(object, BLOCK_SIZE);
        unmake(object);
    } while (resident != 0 && guesses++ < 40);
    assert_in_range(guesses, 1, 16);
    unmake(others);
}

/* What was used whole before is trusted by its size: a little says nothing of much. */
static void test_no_more_than_is_trusted(void **state) {
    (void)state;
    make_some(1, MIB, false);
    make_some(1, MIB, true);
    char *object = make(5 * MIB);
    assert_int_equal(os_resident_bytes(object, 5 * MIB), 0);
    unmake(object);
    make_some(1, MIB, true);
    object = make(4 * MIB);
    assert_resident_but_its_end(object, 4 * MIB);
    unmake(object);
}

/* However much was used whole, no more than a quarter of all that is taken, if that is much. */
static void test_only_a_share(void **state) {
    (void)state;
    make_some(2, 12 * MIB, true);
    char *others = make_used(60 * MIB);
    char *object = make(35 * MIB);
    assert_int_equal(os_resident_bytes(object + BLOCK_SIZE, 32 * MIB), 0);
    unmake(object);
    make_some(2, 12 * MIB, true);
    object = make(30 * MIB);
    assert_resident_but_its_end(object, 30 * MIB);
    unmake(object);
    unmake(others);
}

/* Its ends are parts of huge pages too where that keeps little memory: in a large heap. */
static void test_ends_are_huge(void **state) {
    (void)state;
    size_t size = 5 * BLOCK_SIZE / 2;
    char *others = make_used(80 * MIB);
    make_some(2, 12 * MIB, true);
    char *object = make(size);
    assert_resident_but_its_end(object, size);
    uintptr_t first = round_down((uintptr_t)object, BLOCK_SIZE);
    uintptr_t end = round_up((uintptr_t)object + size, BLOCK_SIZE);
    bool whole = block_is_huge(block_of((uintptr_t)first + BLOCK_SIZE));
    for (uintptr_t block = first; whole && block < end; block += BLOCK_SIZE) {
        assert_true(block_is_huge(block_of(block)));
        assert_int_equal(os_resident_bytes((void *)block, BLOCK_SIZE), BLOCK_SIZE);
    }
    unmake(object);
    unmake(others);
}

/* It is, if the program had much more just now: then its new half is little. */
static void test_much_lately(void **state) {
    (void)state;
    size_t size = 4 * MIB, zeroed_from;
    unmake(make_used(80 * MIB));
    make_some(2, 12 * MIB, true);
    char *array = make_used(size);
    char *grown = large_resize(chunk_of((uintptr_t)array), 2 * size, &zeroed_from);
    if (grown != NULL) {
        assert_resident_but_its_end(grown + size, size);
    }
    unmake(grown != NULL ? grown : array);
}

/* An array that has to move: what it had is looked at before, and its new end is like an object. */
static void test_arrays_that_move(void **state) {
    (void)state;
    char *others = make_used(6 * MIB);
    make_some(2, MIB, false);
    size_t size = 3 * MIB / 2, before = 0, zeroed_from;
    char *array = make(size);
    for (int i = 0; i < 3; i++) {
        memset(array, 1, size);
        uintptr_t behind = (uintptr_t)array + size;
        bool zeroed, walled = chunks_extend(behind, 1, &zeroed); /* or there is something */
        before = size;
        size += size / 2;
        char *grown = large_resize(chunk_of((uintptr_t)array), size, &zeroed_from);
        if (walled) {
            chunks_give(behind, 1, true);
        }
        if (grown == NULL) {
            skip(); /* older kernels can't move pages */
        }
        array = grown;
    }
    assert_resident_but_its_end(array + before, size - before);
    unmake(array);
    unmake(others);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_an_array_that_doubles, clean_up),
        cmocka_unit_test_teardown(test_steps_of_an_eighth, clean_up),
        cmocka_unit_test_teardown(test_objects_used_whole, clean_up),
        cmocka_unit_test_teardown(test_guesses_end, clean_up),
        cmocka_unit_test_teardown(test_no_more_than_is_trusted, clean_up),
        cmocka_unit_test_teardown(test_only_a_share, clean_up),
        cmocka_unit_test_teardown(test_ends_are_huge, clean_up),
        cmocka_unit_test_teardown(test_much_lately, clean_up),
        cmocka_unit_test_teardown(test_arrays_that_move, clean_up),
    };
    return cmocka_run_group_tests_name("prefault", tests, NULL, NULL);
}
