#include "core/large.h"

#include <string.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "os/os.h"
#include "support/core.h"

#define MIB ((size_t)1 << 20)

static struct chunk *head_of(const void *object) { return chunk_of((uintptr_t)object); }

static char *make(size_t size) {
    bool zeroed;
    char *object = large_allocate(size, CHUNK_SIZE, &zeroed);
    assert_non_null(object);
    assert_intact();
    return object;
}

static void unmake(char *object) {
    assert_true(large_free(head_of(object)));
    assert_intact();
}

static void *resize_to(struct chunk *head, size_t size) {
    size_t zeroed_from;
    return large_resize(head, size, &zeroed_from);
}

static void mark(char *object, size_t size) {
    for (size_t i = 0; i < size; i += 1000) {
        object[i] = (char)(i / 1000);
    }
}

static void assert_marked(const char *object, size_t size) {
    for (size_t i = 0; i < size; i += 1000) {
        assert_int_equal(object[i], (char)(i / 1000));
    }
}

static void test_sizes(void **state) {
    (void)state;
    size_t page = os_page_size();
    static const size_t sizes[] = {1, 16385, 32767, 32768, 32769, 65537, 1000000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *object = make(sizes[i]);
        assert_int_equal((uintptr_t)object % CHUNK_SIZE, 0);
        assert_int_equal(large_usable(head_of(object)), round_up(sizes[i], page));
        assert_int_equal(block_totals.taken, round_up(sizes[i], CHUNK_SIZE) / CHUNK_SIZE);
        memset(object, 1, sizes[i]);
        unmake(object);
        assert_int_equal(block_totals.taken, 0);
    }
}

static void test_zeroed(void **state) {
    (void)state;
    bool zeroed;
    (void)chunks_purge_all();
    char *object = large_allocate(3 * MIB, CHUNK_SIZE, &zeroed);
    assert_true(zeroed);
    memset(object, 1, 3 * MIB);
    unmake(object);
    assert_ptr_equal(large_allocate(3 * MIB, CHUNK_SIZE, &zeroed), object);
    for (size_t i = 0; i < 3 * MIB; i++) {
        assert_true(!zeroed || object[i] == 0);
    }
    unmake(object);
}

static void test_alignment(void **state) {
    (void)state;
    for (size_t alignment = CHUNK_SIZE; alignment <= 256 * MIB; alignment *= 2) {
        bool zeroed;
        char *object = large_allocate(100000, alignment, &zeroed);
        assert_non_null(object);
        assert_int_equal((uintptr_t)object % alignment, 0);
        assert_intact();
        unmake(object);
    }
}

static void test_free_twice(void **state) {
    (void)state;
    char *object = make(100000);
    struct chunk *head = head_of(object);
    assert_true(large_free(head));
    assert_false(large_free(head));
    assert_intact();
}

static void test_grow_in_place(void **state) {
    (void)state;
    char *object = make(100000);
    mark(object, 100000);
    assert_ptr_equal(resize_to(head_of(object), 110000), object); /* within its chunks */
    assert_int_equal(block_totals.taken, 4);
    assert_ptr_equal(resize_to(head_of(object), 20 * CHUNK_SIZE), object);
    assert_int_equal(block_totals.taken, 20);
    assert_intact();
    assert_ptr_equal(resize_to(head_of(object), 70 * CHUNK_SIZE), object); /* beyond its block */
    assert_int_equal(large_usable(head_of(object)), 70 * CHUNK_SIZE);
    assert_intact();
    assert_marked(object, 100000);
    memset(object, 1, 70 * CHUNK_SIZE);
    unmake(object);
}

/* Pages that were moved are counted until their object is gone, also through further moves. */
static void test_moves(void **state) {
    (void)state;
    char *object = make(2 * MIB), *wall = make(100000);
    mark(object, 2 * MIB);
    for (unsigned i = 1; i <= 3; i++) {
        char *moved = resize_to(head_of(object), (2 + 2 * i) * MIB);
        if (moved == NULL) {
            skip(); /* the kernel can't */
        }
        if (moved != object) {
            assert_true(head_of(moved)->moves > 0);
        }
        object = moved;
        assert_intact();
        assert_marked(object, 2 * MIB);
    }
    assert_true(head_of(object)->moves > 0);
    object = resize_to(head_of(object), MIB); /* gives back moved pages */
    assert_intact();
    assert_marked(object, MIB);
    unmake(object);
    unmake(wall);
    bool zeroed;
    (void)chunks_purge_all();
    object = large_allocate(8 * MIB, CHUNK_SIZE, &zeroed);
    for (size_t i = 0; i < 8 * MIB && zeroed; i++) {
        assert_int_equal(object[i], 0);
    }
    unmake(object);
}

static void test_shrink(void **state) {
    (void)state;
    char *object = make(5 * MIB);
    mark(object, 5 * MIB);
    assert_ptr_equal(resize_to(head_of(object), 3 * MIB + 1), object);
    assert_int_equal(block_totals.taken, 97);
    assert_int_equal(large_usable(head_of(object)), 3 * MIB + os_page_size());
    assert_intact();
    assert_ptr_equal(resize_to(head_of(object), 40000), object);
    assert_int_equal(block_totals.taken, 2);
    assert_intact();
    assert_marked(object, 40000);
    unmake(object);
}

/* Where the bytes that are known to be zero begin: with the chunks that came to it fresh. */
static void test_growth_is_known(void **state) {
    (void)state;
    size_t zeroed_from = 0;
    (void)chunks_purge_all();
    char *object = make(100000);
    memset(object, 1, large_usable(head_of(object)));
    assert_ptr_equal(large_resize(head_of(object), 110000, &zeroed_from), object);
    assert_int_equal(zeroed_from, SIZE_MAX);
    assert_ptr_equal(large_resize(head_of(object), 10 * CHUNK_SIZE, &zeroed_from), object);
    assert_int_equal(zeroed_from, 4 * CHUNK_SIZE);
    memset(object, 1, 10 * CHUNK_SIZE);
    assert_true(large_resize_in_place(head_of(object), 100000, &zeroed_from));
    assert_int_equal(zeroed_from, SIZE_MAX);
    assert_int_equal(block_totals.taken, 4);
    assert_true(large_resize_in_place(head_of(object), 10 * CHUNK_SIZE, &zeroed_from));
    assert_int_equal(zeroed_from, SIZE_MAX); /* the same chunks again, as they were left */
    void *in_the_way = make(CHUNK_SIZE);
    assert_ptr_equal(in_the_way, object + 10 * CHUNK_SIZE);
    assert_false(large_resize_in_place(head_of(object), 11 * CHUNK_SIZE, &zeroed_from));
    assert_int_equal(large_usable(head_of(object)), 10 * CHUNK_SIZE);
    assert_intact();
    unmake(in_the_way);
    unmake(object);
}

/* Pages that were moved, and those behind them. */
static void test_move_is_known(void **state) {
    (void)state;
    size_t zeroed_from = 0;
    (void)chunks_purge_all();
    char *object = make(2 * MIB), *in_the_way = make(CHUNK_SIZE);
    memset(object, 1, 2 * MIB);
    char *moved = large_resize(head_of(object), 9 * MIB, &zeroed_from);
    assert_non_null(moved);
    assert_ptr_not_equal(moved, object);
    if (zeroed_from != SIZE_MAX) { /* fresh memory, mostly */
        assert_int_equal(zeroed_from, 2 * MIB);
        for (size_t i = zeroed_from; i < 9 * MIB; i++) {
            assert_int_equal(moved[i], 0);
        }
    }
    unmake(moved);
    unmake(in_the_way);
}

/* The neighbour is taken: small objects are for the caller to copy, the pages of big ones are
 * moved. */
static void test_move(void **state) {
    (void)state;
    char *small = make(100000), *wall = make(100000);
    assert_null(resize_to(head_of(small), 500000));
    assert_intact();
    unmake(small);
    unmake(wall);
    char *object = make(4 * MIB);
    wall = make(100000);
    mark(object, 4 * MIB);
    char *moved = resize_to(head_of(object), 9 * MIB);
    if (moved != NULL) { /* older kernels can't */
        assert_ptr_not_equal(moved, object);
        assert_int_equal(block_totals.taken, 9 * 32 + 4);
        assert_intact();
        assert_marked(moved, 4 * MIB);
        memset(moved, 1, 9 * MIB);
        assert_int_equal(os_resident_bytes(object, 4 * MIB), 0);
        bool zeroed; /* where it was, all is as if never used */
        char *again = large_allocate(4 * MIB, CHUNK_SIZE, &zeroed);
        for (size_t i = 0; zeroed && i < 4 * MIB; i++) {
            assert_int_equal(again[i], 0);
        }
        memset(again, 1, 4 * MIB);
        unmake(again);
        object = moved;
    }
    unmake(object);
    unmake(wall);
}

/* What is in its way when it grows makes it move by whole blocks to where it can go on growing. */
static void test_room_behind(void **state) {
    (void)state;
    enum { ROUNDS = 6 };
    char *object = make(4 * MIB);
    uintptr_t walls[ROUNDS];
    size_t size = 4 * MIB, zeroed_from;
    for (size_t i = 0; i < ROUNDS; i++, size += MIB) {
        bool zeroed;
        walls[i] = (uintptr_t)object + size;
        walls[i] = chunks_extend(walls[i], 1, &zeroed) ? walls[i] : 0; /* or there is one already */
        char *moved = resize_to(head_of(object), size + MIB);
        if (moved == NULL) {
            skip(); /* older kernels can't move pages */
        }
        assert_ptr_not_equal(moved, object);
        assert_int_equal((moved - object) % (ptrdiff_t)BLOCK_SIZE, 0);
        object = moved;
        assert_true(large_resize_in_place(head_of(object), (size + MIB) / 2 * 3, &zeroed_from));
        assert_true(large_resize_in_place(head_of(object), size + MIB, &zeroed_from));
    }
    assert_true(large_free(head_of(object)));
    for (size_t i = 0; i < ROUNDS; i++) {
        if (walls[i] != 0) {
            chunks_give(walls[i], 1, false);
        }
    }
    assert_intact();
}

/* Where there is resident memory for all of it, bytes are copied there, and what they leave stays
 * for the next. */
static void test_copy(void **state) {
    (void)state;
    char *object = make(4 * MIB);
    uintptr_t behind = (uintptr_t)object + 4 * MIB;
    bool zeroed;
    bool walled = chunks_extend(behind, 1, &zeroed); /* or something is there already */
    mark(object, 4 * MIB);
    char *resident = NULL;
    for (int i = 0; i < 4; i++) { /* it learns that what is given up is wanted back */
        resident = large_allocate(6 * MIB, CHUNK_SIZE, &zeroed);
        memset(resident, 1, 6 * MIB);
        assert_true(large_free(head_of(resident)));
    }
    assert_true(block_totals.dirty >= 6 * MIB / CHUNK_SIZE);
    char *copied = resize_to(head_of(object), 6 * MIB);
    assert_ptr_not_equal(copied, object);
    assert_int_equal(head_of(copied)->moves, 0);
    assert_true(block_totals.dirty >= 4 * MIB / CHUNK_SIZE); /* where it was */
    if (walled) {
        chunks_give(behind, 1, true);
    }
    assert_intact();
    assert_marked(copied, 4 * MIB);
    unmake(copied);
}

/* Moved again and again, so that what lies behind one another was mapped at different times. */
static void test_move_often(void **state) {
    (void)state;
    enum { OBJECTS = 6 };
    char *objects[OBJECTS];
    size_t sizes[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        sizes[i] = 2 * MIB + i * 300000;
        objects[i] = make(sizes[i]);
        mark(objects[i], sizes[i]);
    }
    for (size_t round = 0; round < 40; round++) {
        size_t i = round * 7 % OBJECTS;
        size_t size = sizes[i] > 12 * MIB ? 2 * MIB : sizes[i] + MIB + round * 5000;
        char *resized = resize_to(head_of(objects[i]), size);
        if (resized == NULL) {
            unmake(objects[i]);
            resized = make(size);
            sizes[i] = 0;
        }
        objects[i] = resized;
        assert_marked(objects[i], sizes[i] < size ? sizes[i] : size);
        sizes[i] = size;
        mark(objects[i], sizes[i]);
        assert_intact();
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        assert_marked(objects[i], sizes[i]);
        unmake(objects[i]);
    }
}

static void test_too_much(void **state) {
    (void)state;
    bool zeroed;
    assert_null(large_allocate(PTRDIFF_MAX, CHUNK_SIZE, &zeroed));
    assert_null(large_allocate((size_t)1 << 48, CHUNK_SIZE, &zeroed));
    char *object = make(2 * MIB);
    assert_null(resize_to(head_of(object), (size_t)1 << 48));
    assert_intact();
    unmake(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_alignment),     cmocka_unit_test(test_free_twice),
        cmocka_unit_test(test_moves),         cmocka_unit_test(test_shrink),
        cmocka_unit_test(test_grow_in_place), cmocka_unit_test(test_growth_is_known),
        cmocka_unit_test(test_move_is_known), cmocka_unit_test(test_move),
        cmocka_unit_test(test_room_behind),   cmocka_unit_test(test_move_often),
        cmocka_unit_test(test_copy),          cmocka_unit_test(test_too_much)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
