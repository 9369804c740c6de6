/* Arenas of all three kinds. */
#include <sys/resource.h>

#include "regions/arena.h"
#include "regions/poison.h"
#include "support/dies.h"
#include "support/tight_allocator.h"

#define GIB ((size_t)1 << 30)

/* Sizes that are wrong on purpose, which compilers would warn of. */
static size_t opaque_size(size_t size) {
    __asm__ volatile("" : "+r"(size));
    return size;
}

static void assert_arena_holds(const struct cairn_arena *arena) {
    const char *what = NULL;
    if (!arena_holds(arena, &what)) {
        fail_msg("violated: %s", what);
    }
}

/* Fills objects of all sizes and alignments, and finds all as they were. */
static void objects_keep_their_contents(struct cairn_arena *arena) {
    enum { COUNT = 400 };
    unsigned char *objects[COUNT];
    size_t sizes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t alignment = (size_t)1 << i % 9;
        sizes[i] = i * i % 701;
        objects[i] = i % 3 == 0 ? cairn_arena_allocate_zeroed(arena, sizes[i], alignment)
                                : cairn_arena_allocate(arena, sizes[i], alignment);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % alignment, 0);
        for (size_t at = 0; i % 3 == 0 && at < sizes[i]; at++) {
            assert_int_equal(objects[i][at], 0);
        }
        memset(objects[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            assert_int_equal(objects[i][at], (unsigned char)i);
        }
    }
    assert_arena_holds(arena);
}

static void test_growing(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct cairn_arena arena;
    cairn_arena_init(&arena, "growing", &allocator);
    assert_int_equal(tight.objects, 0);
    for (int round = 0; round < 3; round++) {
        objects_keep_their_contents(&arena);
        cairn_arena_reset(&arena);
    }
    assert_true(tight.objects < 12);
    assert_int_equal(cairn_arena_statistics(&arena).reserved, tight.used);
    assert_true(cairn_arena_trim(&arena) > 0);
    assert_int_equal(cairn_arena_statistics(&arena).reserved, tight.used);
    assert_int_equal(tight.objects, 1);
    cairn_arena_destroy(&arena);
    assert_int_equal(tight.objects, 0);
}

static void test_all_zero_is_an_arena(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    assert_arena_holds(&arena);
    struct cairn_mark start = cairn_arena_mark(&arena);
    cairn_arena_rewind(&arena, start);
    cairn_arena_reset(&arena);
    assert_int_equal(cairn_arena_trim(&arena), 0);
    assert_non_null(cairn_arena_allocate(&arena, 0, 1));
    objects_keep_their_contents(&arena);
    cairn_arena_rewind(&arena, start);
    assert_int_equal(cairn_arena_statistics(&arena).used, 0);
    cairn_arena_destroy(&arena);
}

static void test_fixed(void **state) {
    (void)state;
    char buffer[1000];
    struct cairn_arena arena;
    for (size_t offset = 0; offset < 16; offset++) {
        cairn_arena_init_fixed(&arena, NULL, buffer + offset, 900);
        size_t count = 0;
        for (char *object; (object = cairn_arena_allocate(&arena, 24, 8)) != NULL; count++) {
            assert_true(object >= buffer + offset && object + 24 <= buffer + offset + 900);
            memset(object, 1, 24);
        }
        assert_in_range(count, 37, 37);
        assert_null(cairn_arena_allocate(&arena, 1, 4096));
        assert_non_null(cairn_arena_allocate(&arena, 0, 1));
        assert_arena_holds(&arena);
        cairn_arena_reset(&arena);
        assert_non_null(cairn_arena_allocate(&arena, 888, 1));
        assert_null(cairn_arena_allocate(&arena, 16, 1));
        cairn_arena_destroy(&arena);
    }
    memset(buffer, 0, sizeof buffer); /* nothing is left poisoned */
    for (size_t size = 0; size < 16; size++) {
        cairn_arena_init_fixed(&arena, NULL, size == 0 ? NULL : buffer + 1, size);
        assert_non_null(cairn_arena_allocate(&arena, 0, 1));
        assert_null(cairn_arena_allocate(&arena, 9, 1));
        assert_arena_holds(&arena);
        cairn_arena_destroy(&arena);
    }
}

static void test_reserved(void **state) {
    (void)state;
    struct cairn_arena arena;
    assert_true(cairn_arena_init_reserved(&arena, "reserved", 64 * GIB));
    assert_int_equal(cairn_arena_statistics(&arena).reserved, 0);
    for (int round = 0; round < 3; round++) {
        objects_keep_their_contents(&arena);
        cairn_arena_reset(&arena);
        assert_arena_holds(&arena);
    }
    /* One array that grows in place, far beyond what memory there is. */
    size_t size = 1;
    char *array = cairn_arena_allocate(&arena, size, 1);
    for (; size < 32 << 20; size *= 2) {
        assert_ptr_equal(cairn_arena_resize(&arena, array, size, size * 2, 1), array);
        array[size * 2 - 1] = 1;
    }
    size_t reserved = cairn_arena_statistics(&arena).reserved;
    assert_in_range(reserved, size, size + (17 << 20));
    cairn_arena_reset(&arena);
    assert_int_equal(cairn_arena_trim(&arena), reserved);
    assert_arena_holds(&arena);
    assert_null(cairn_arena_allocate(&arena, 64 * GIB + 1, 1));
    assert_null(cairn_arena_allocate(&arena, opaque_size(SIZE_MAX), 1));
    assert_non_null(cairn_arena_allocate(&arena, 1, opaque_size((size_t)1 << 31)));
    cairn_arena_destroy(&arena);
    assert_false(cairn_arena_init_reserved(&arena, NULL, 0));
    assert_false(cairn_arena_init_reserved(&arena, NULL, SIZE_MAX));
}

static void test_full_range(void **state) {
    (void)state;
    struct cairn_arena arena;
    assert_true(cairn_arena_init_reserved(&arena, NULL, 100000));
    size_t pages = arena.limit - arena.begin;
    assert_true(cairn_arena_reserve(&arena, pages - 100));
    assert_false(cairn_arena_reserve(&arena, pages + 1));
    assert_null(cairn_arena_allocate(&arena, pages + 1, 1));
    assert_non_null(cairn_arena_allocate(&arena, pages - 100, 1));
    assert_null(cairn_arena_allocate(&arena, 101, 1));
    cairn_arena_destroy(&arena);
}

static void test_too_much(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    char *object = cairn_arena_string(&arena, "kept");
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2, SIZE_MAX / 8};
    for (size_t i = 0; i < 4; i++) {
        assert_null(cairn_arena_allocate(&arena, opaque_size(sizes[i]), 1));
        assert_null(cairn_arena_resize(&arena, object, 5, opaque_size(sizes[i]), 1));
        assert_false(cairn_arena_reserve(&arena, sizes[i]));
    }
    assert_null(cairn_arena_allocate(&arena, 8, opaque_size((size_t)1 << 63)));
    assert_null(cairn_arena_allocate_array(&arena, opaque_size(SIZE_MAX / 2), 4, 1));
    assert_string_equal(object, "kept");
    assert_arena_holds(&arena);
    cairn_arena_destroy(&arena);
}

/* Where large chunks are refused, smaller ones do; without any, the arena stays as it was. */
static void test_little_memory(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX, .most = 300};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct cairn_arena arena;
    cairn_arena_init(&arena, NULL, &allocator);
    for (int i = 0; i < 1000; i++) {
        assert_non_null(cairn_arena_allocate(&arena, 200, 8));
    }
    tight.most = 1;
    size_t used = cairn_arena_statistics(&arena).used;
    while (cairn_arena_allocate(&arena, 8, 8) != NULL) {
        used += 8;
    }
    assert_arena_holds(&arena);
    assert_in_range(cairn_arena_statistics(&arena).used, used,
                    used + (poison_is_active() ? 999 : 0));
    cairn_arena_destroy(&arena);
    assert_int_equal(tight.objects, 0);
}

static void test_marks_nest(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    enum { DEPTH = 200 };
    struct cairn_mark marks[DEPTH];
    size_t used[DEPTH];
    char *strings[DEPTH];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < DEPTH; i++) {
            marks[i] = cairn_arena_mark(&arena);
            used[i] = cairn_arena_statistics(&arena).used;
            strings[i] = cairn_arena_printf(&arena, "%0*d", i * 3, i);
        }
        size_t reserved = cairn_arena_statistics(&arena).reserved;
        for (int i = DEPTH - 1; i >= 0; i -= 7) {
            assert_int_equal(atoi(strings[i]), i);
            cairn_arena_rewind(&arena, marks[i]);
            assert_int_equal(cairn_arena_statistics(&arena).used, used[i]);
            assert_int_equal(cairn_arena_statistics(&arena).reserved, reserved);
            assert_arena_holds(&arena);
        }
    }
    assert_true(cairn_arena_statistics(&arena).peak >= used[DEPTH - 1]);
    cairn_arena_destroy(&arena);
}

static void test_resizing(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    char *first = cairn_arena_string(&arena, "first");
    char *last = cairn_arena_string(&arena, "last");
    size_t used = cairn_arena_statistics(&arena).used;
    assert_ptr_equal(cairn_arena_resize(&arena, last, 5, 500, 1), last);
    assert_ptr_equal(cairn_arena_resize(&arena, last, 500, 5, 1), last);
    assert_int_equal(cairn_arena_statistics(&arena).used, used);
    assert_ptr_equal(cairn_arena_resize(&arena, first, 6, 3, 1), first);
    char *moved = cairn_arena_resize(&arena, first, 3, 50, 1);
    assert_ptr_not_equal(moved, first);
    assert_memory_equal(moved, "fir", 3);
    used = cairn_arena_statistics(&arena).used;
    char *grown = cairn_arena_resize(&arena, moved, 50, 50000, 1);
    assert_memory_equal(grown, "fir", 3);
    assert_int_equal(cairn_arena_statistics(&arena).used, used - 56 + 50000);
    assert_null(cairn_arena_resize(&arena, grown, 50000, 0, 1));
    assert_null(cairn_arena_resize(&arena, last, 5, 0, 1));
    assert_string_equal(cairn_arena_resize(&arena, NULL, 0, 9, 1) != NULL ? "" : "none", "");
    assert_arena_holds(&arena);
    cairn_arena_destroy(&arena);
}

/* An object of no bytes may be behind all that is used, when what was before it is gone. */
static void test_resizing_nothing(void **state) {
    (void)state;
    char buffer[64]; /* a fixed arena has no gaps, also for checkers of memory */
    struct cairn_arena arena;
    cairn_arena_init_fixed(&arena, NULL, buffer, sizeof buffer);
    char *object = cairn_arena_allocate(&arena, 10, 8);
    char *nothing = cairn_arena_allocate(&arena, opaque_size(0), 1);
    assert_null(cairn_arena_resize(&arena, object, 10, 0, 8));
    assert_true((uintptr_t)nothing > arena.next);
    char *something = cairn_arena_resize(&arena, nothing, 0, 8, 1);
    assert_ptr_equal(something, object);
    assert_true(cairn_arena_owns(&arena, something));
    cairn_arena_destroy(&arena);
}

static void test_as_allocator(void **state) {
    (void)state;
    struct cairn_arena outer = {0};
    struct cairn_allocator allocator = cairn_arena_allocator(&outer);
    struct cairn_arena inner;
    cairn_arena_init(&inner, "inner", &allocator);
    objects_keep_their_contents(&inner);
    assert_true(cairn_arena_owns(&outer, inner.chunk));
    cairn_arena_destroy(&inner);
    char *object = cairn_allocate(&allocator, 10, 1);
    size_t used = cairn_arena_statistics(&outer).used;
    cairn_release(&allocator, object, 10, 1);
    assert_true(cairn_arena_statistics(&outer).used < used);
    cairn_arena_destroy(&outer);
}

static void test_strings(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    assert_string_equal(cairn_arena_string(&arena, ""), "");
    assert_string_equal(cairn_arena_string_n(&arena, "abc", 2), "ab");
    assert_string_equal(cairn_arena_string_n(&arena, "abc", SIZE_MAX), "abc");
    assert_non_null(cairn_arena_copy(&arena, NULL, 0, 1));
    for (int length = 0; length < 20000; length = length * 3 / 2 + 1) {
        char *text = cairn_arena_printf(&arena, "%*s|", length, "");
        assert_int_equal(strlen(text), length + 1);
        assert_int_equal(text[length], '|');
    }
    assert_arena_holds(&arena);
    cairn_arena_destroy(&arena);
    char buffer[64];
    cairn_arena_init_fixed(&arena, NULL, buffer, sizeof buffer);
    assert_null(cairn_arena_printf(&arena, "%100d", 1));
    assert_null(cairn_arena_string(
        &arena, "This sentence does not fit into sixty-four bytes at all, does it?"));
    assert_string_equal(cairn_arena_printf(&arena, "%d", 1), "1");
    cairn_arena_destroy(&arena);
}

static void test_owns(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    assert_false(cairn_arena_owns(&arena, NULL));
    for (int i = 0; i < 100; i++) {
        char *object = cairn_arena_allocate(&arena, 1000, 1);
        assert_true(cairn_arena_owns(&arena, object) && cairn_arena_owns(&arena, object + 999));
    }
    assert_false(cairn_arena_owns(&arena, &arena));
    assert_false(cairn_arena_owns(&arena, (char *)arena.next));
    cairn_arena_destroy(&arena);
}

/* What is lost at the ends of chunks is less than what did not fit there. */
static void test_waste_is_bounded(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    uint64_t seed = 1;
    size_t asked = 0;
    for (int i = 0; i < 2000; i++) {
        size_t size = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 51;
        asked += size;
        assert_non_null(cairn_arena_allocate(&arena, size, 8));
    }
    struct cairn_arena_figures statistics = cairn_arena_statistics(&arena);
    assert_true(statistics.wasted < statistics.used);
    assert_in_range(statistics.used, asked, asked + 2000 * 24);
    assert_true(statistics.reserved <= 4 * asked);
    cairn_arena_destroy(&arena);
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void use_after_destroy(void *argument) {
    struct cairn_arena arena = {0};
    (void)*(volatile char *)cairn_arena_new(&arena, char);
    cairn_arena_destroy(&arena);
    void *volatile sink = cairn_arena_allocate(&arena, *(size_t *)argument, 8);
    (void)sink;
}

static void destroy_twice(void *unused) {
    (void)unused;
    struct cairn_arena arena = {0};
    cairn_arena_destroy(&arena);
    cairn_arena_destroy(&arena);
}

static void odd_alignment(void *argument) {
    struct cairn_arena arena = {0};
    void *volatile sink = cairn_arena_allocate(&arena, 8, 8);
    sink = cairn_arena_allocate(&arena, 8, *(size_t *)argument);
    (void)sink;
}

static void rewind_to_foreign_mark(void *unused) {
    (void)unused;
    struct cairn_arena arenas[2] = {{0}, {0}};
    void *volatile sink = cairn_arena_new(&arenas[0], int);
    sink = cairn_arena_new(&arenas[1], int);
    (void)sink;
    cairn_arena_rewind(&arenas[0], cairn_arena_mark(&arenas[1]));
}

static void rewind_to_foreign_fixed_mark(void *unused) {
    (void)unused;
    char buffers[2][64];
    struct cairn_arena arenas[2];
    cairn_arena_init_fixed(&arenas[0], NULL, buffers[0], 64);
    cairn_arena_init_fixed(&arenas[1], NULL, buffers[1], 64);
    void *volatile sink = cairn_arena_new(&arenas[1], long);
    (void)sink;
    cairn_arena_rewind(&arenas[0], cairn_arena_mark(&arenas[1]));
}

static void rewind_to_gone_chunk(void *unused) {
    (void)unused;
    struct cairn_arena arena = {0};
    void *volatile sink = cairn_arena_new(&arena, int);
    struct cairn_mark early = cairn_arena_mark(&arena);
    sink = cairn_arena_allocate(&arena, 100000, 8);
    (void)sink;
    struct cairn_mark late = cairn_arena_mark(&arena);
    cairn_arena_rewind(&arena, early);
    cairn_arena_rewind(&arena, late);
}

static void test_mistakes(void **state) {
    (void)state;
    size_t numbers[] = {0, 8, 3, 24};
    assert_dies(use_after_destroy, &numbers[0], "use of an arena that was destroyed");
    assert_dies(use_after_destroy, &numbers[1], "cairn_arena_allocate(0x");
    assert_dies(destroy_twice, NULL, "cairn_arena_destroy(0x");
    assert_dies(odd_alignment, &numbers[0], "the alignment is not a power of two");
    assert_dies(odd_alignment, &numbers[2], "the alignment is not a power of two");
    assert_dies(odd_alignment, &numbers[3], "the alignment is not a power of two");
    assert_dies(rewind_to_foreign_mark, NULL, "the mark is of another arena");
    assert_dies(rewind_to_foreign_fixed_mark, NULL, "the mark is of another arena");
    assert_dies(rewind_to_gone_chunk, NULL, "cairn_arena_rewind(0x");
}

static void test_checker_finds(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    for (int i = 0; i < 10; i++) {
        assert_non_null(cairn_arena_allocate(&arena, 1000, 8));
    }
    const char *what = NULL;
    size_t *const counts[] = {&arena.used_before, &arena.wasted, &arena.reserved, &arena.next,
                              &arena.chunk->earlier->used};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] += 1;
        assert_false(arena_holds(&arena, &what));
        *counts[i] -= 1;
        assert_true(arena_holds(&arena, &what));
    }
    cairn_arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing),       cmocka_unit_test(test_all_zero_is_an_arena),
        cmocka_unit_test(test_fixed),         cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_full_range),    cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_little_memory), cmocka_unit_test(test_marks_nest),
        cmocka_unit_test(test_resizing),      cmocka_unit_test(test_resizing_nothing),
        cmocka_unit_test(test_as_allocator),  cmocka_unit_test(test_strings),
        cmocka_unit_test(test_owns),          cmocka_unit_test(test_waste_is_bounded),
        cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_checker_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
