/* Scratch arenas of threads. */
#include <cairn/scratch.h>

#include "support/core.h"

static void test_never_the_callers(void **state) {
    (void)state;
    struct cairn_scratch outer = cairn_scratch_begin(NULL);
    char *text = cairn_arena_string(outer.arena, "the caller's");
    for (int depth = 0; depth < 100; depth++) {
        struct cairn_scratch inner = cairn_scratch_begin(outer.arena);
        assert_ptr_not_equal(inner.arena, outer.arena);
        struct cairn_scratch innermost = cairn_scratch_begin(inner.arena);
        assert_ptr_equal(innermost.arena, outer.arena);
        memset(cairn_arena_allocate(innermost.arena, 5000, 8), 1, 5000);
        memset(cairn_arena_allocate(inner.arena, 5000, 8), 2, 5000);
        cairn_scratch_end(&innermost);
        cairn_scratch_end(&inner);
        cairn_scratch_end(&inner);
    }
    assert_string_equal(text, "the caller's");
    size_t used = cairn_arena_statistics(outer.arena).used;
    assert_in_range(used, 13, 40);
    struct cairn_arena *arena = outer.arena;
    cairn_scratch_end(&outer);
    assert_null(outer.arena);
    assert_int_equal(cairn_arena_statistics(arena).used, 0);
}

static void test_keeps_little(void **state) {
    (void)state;
    struct cairn_scratch scratch = cairn_scratch_begin(NULL);
    struct cairn_arena *arena = scratch.arena;
    for (int i = 0; i < 1000; i++) {
        assert_non_null(cairn_arena_allocate(arena, 10000, 8));
    }
    cairn_scratch_end(&scratch);
    assert_true(cairn_arena_statistics(arena).reserved <= 1 << 20);
}

/* Its first chunk is made for the object, however large. */
static void *take_much_at_first(void *unused) {
    struct cairn_scratch outer = cairn_scratch_begin(NULL);
    struct cairn_scratch scratch = cairn_scratch_begin(NULL);
    struct cairn_arena *arena = scratch.arena;
    assert_non_null(cairn_arena_allocate(arena, 10 << 20, 8));
    struct cairn_scratch inner = cairn_scratch_begin(NULL);
    cairn_scratch_end(&inner);
    cairn_arena_rewind(arena, scratch.mark);
    inner = cairn_scratch_begin(NULL);
    struct cairn_scratch innermost = cairn_scratch_begin(NULL);
    cairn_scratch_end(&innermost);
    cairn_scratch_end(&inner);
    cairn_scratch_end(&scratch);
    assert_true(cairn_arena_statistics(arena).reserved <= 1 << 20);
    assert_non_null(cairn_arena_new(arena, int));
    cairn_scratch_end(&outer);
    return unused;
}

static void test_keeps_little_of_much_at_first(void **state) {
    (void)state;
    in_thread(take_much_at_first, NULL);
}

static void count(void *context, const struct cairn_region_view *region) {
    *(int *)context += strcmp(region->name, "scratch") == 0;
}

static void *in_other_thread(void *main_arena) {
    struct cairn_scratch scratch = cairn_scratch_begin(NULL);
    assert_ptr_not_equal(scratch.arena, main_arena);
    assert_non_null(cairn_arena_printf(scratch.arena, "%d", 1));
    int listed = 0;
    cairn_regions_each(count, &listed);
    assert_true(listed >= 2);
    cairn_scratch_end(&scratch);
    return NULL;
}

static void test_each_thread_has_its_own(void **state) {
    (void)state;
    struct cairn_scratch scratch = cairn_scratch_begin(NULL);
    assert_non_null(cairn_arena_new(scratch.arena, int));
    int before = 0;
    cairn_regions_each(count, &before);
    for (int i = 0; i < 20; i++) {
        in_thread(in_other_thread, scratch.arena);
    }
    int after = 0;
    cairn_regions_each(count, &after);
    assert_int_equal(before, after);
    cairn_scratch_end(&scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_the_callers),
        cmocka_unit_test(test_keeps_little),
        cmocka_unit_test(test_keeps_little_of_much_at_first),
        cmocka_unit_test(test_each_thread_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
