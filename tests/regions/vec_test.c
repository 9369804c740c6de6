/* Arrays that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairn/vec.h>

#include "support/dies.h"
#include "support/tight_allocator.h"

struct line {
    _Alignas(64) int number;
};

struct odd {
    char bytes[7];
};

typedef double item; /* a name that the functions' own must not meet */

CAIRN_VEC(doubles, item)
CAIRN_VEC(numbers, int)
CAIRN_VEC(lines, struct line)
CAIRN_VEC(odds, struct odd)
CAIRN_VEC(texts, const char *)

static void pushes_and_pops(void **state) {
    (void)state;
    struct numbers vec = {0};
    for (int i = 0; i < 100000; i++) {
        assert_true(numbers_push(&vec, i));
        assert_int_equal(numbers_get(&vec, (size_t)i), i);
    }
    assert_int_equal(vec.count, 100000);
    assert_true(vec.capacity < 200000);
    numbers_set(&vec, 5, -5);
    assert_int_equal(*numbers_at(&vec, 5), -5);
    for (int i = 99999; i >= 0; i--) {
        assert_int_equal(numbers_pop(&vec), i == 5 ? -5 : i);
    }
    numbers_destroy(&vec);
    numbers_destroy(&vec);
    assert_true(numbers_push(&vec, 1)); /* destroyed is empty */
    numbers_destroy(&vec);
}

static void inserts_and_removes(void **state) {
    (void)state;
    struct texts vec = {0};
    assert_true(texts_insert(&vec, 0, "c"));
    assert_true(texts_insert(&vec, 0, "a"));
    assert_true(texts_insert(&vec, 1, "b"));
    assert_true(texts_insert(&vec, 3, "d"));
    assert_string_equal(texts_remove(&vec, 1), "b");
    assert_string_equal(texts_remove_swap(&vec, 0), "a");
    assert_int_equal(vec.count, 2);
    assert_string_equal(vec.items[0], "d");
    assert_string_equal(vec.items[1], "c");
    assert_string_equal(texts_remove_swap(&vec, 1), "c");
    assert_string_equal(texts_remove(&vec, 0), "d");
    texts_destroy(&vec);
}

static void any_name_will_do(void **state) {
    (void)state;
    struct doubles vec = {0};
    assert_true(doubles_push(&vec, 1.5) && doubles_insert(&vec, 0, 2.5));
    assert_true(doubles_remove_swap(&vec, 0) + doubles_remove(&vec, 0) == 4.0);
    doubles_destroy(&vec);
}

static void appends_its_own_items(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct odds vec = {.allocator = &allocator};
    static const struct odd first[] = {{"abc"}, {"def"}};
    assert_true(odds_append(&vec, first, 2));
    assert_true(odds_append(&vec, first, 0));
    for (int i = 0; i < 10; i++) {
        assert_true(odds_append(&vec, vec.items + 1, vec.count - 1));
    }
    assert_int_equal(vec.count, 1025);
    for (size_t i = 1; i < vec.count; i++) {
        assert_string_equal(vec.items[i].bytes, "def");
    }
    odds_destroy(&vec);
    assert_int_equal(tight.objects, 0);
}

static void items_are_aligned(void **state) {
    (void)state;
    struct lines vec = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(lines_push(&vec, (struct line){i}));
        assert_int_equal((uintptr_t)vec.items % 64, 0);
    }
    assert_int_equal(lines_get(&vec, 999).number, 999);
    lines_destroy(&vec);
}

static void room_is_made_and_given_back(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct numbers vec;
    numbers_init(&vec, &allocator);
    assert_true(numbers_reserve(&vec, 1000));
    size_t calls = tight.calls;
    for (int i = 0; i < 1000; i++) {
        assert_true(numbers_push(&vec, i));
    }
    assert_int_equal(tight.calls, calls);
    vec.count = 10;
    numbers_shrink(&vec);
    assert_int_equal(vec.capacity, 10);
    assert_int_equal(tight.used, 10 * sizeof(int));
    tight.fail_at = tight.calls + 1;
    vec.count = 9;
    numbers_shrink(&vec); /* can't: stays */
    assert_int_equal(vec.capacity, 10);
    numbers_clear(&vec);
    numbers_shrink(&vec);
    assert_null(vec.items);
    assert_int_equal(tight.objects, 0);
    numbers_destroy(&vec);
}

static void growing_is_amortised(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct numbers vec = {.allocator = &allocator};
    for (int i = 0; i < 1 << 20; i++) {
        assert_true(numbers_reserve(&vec, vec.count + 1)); /* one more each time */
        assert_true(numbers_push(&vec, i));
    }
    assert_in_range(tight.calls, 16, 18);
    numbers_destroy(&vec);
}

static void failure_leaves_it_as_it_was(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = 1000};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct numbers vec = {.allocator = &allocator};
    int pushed = 0;
    while (numbers_push(&vec, pushed)) {
        pushed++;
    }
    assert_in_range(pushed, 100, 250);
    assert_false(numbers_insert(&vec, 0, 7));
    assert_false(numbers_append(&vec, vec.items, 2));
    assert_int_equal(vec.count, pushed);
    for (int i = 0; i < pushed; i++) {
        assert_int_equal(numbers_get(&vec, (size_t)i), i);
    }
    numbers_destroy(&vec);

    assert_true(numbers_push(&vec, 1));
    assert_false(numbers_reserve(&vec, SIZE_MAX));
    assert_false(numbers_reserve(&vec, SIZE_MAX / sizeof(int) + 2)); /* the product wraps */
    assert_false(numbers_append(&vec, vec.items, SIZE_MAX));
    assert_false(numbers_append(&vec, vec.items, SIZE_MAX / 4));
    assert_int_equal(vec.count, 1);
    assert_int_equal(vec.items[0], 1);
    numbers_destroy(&vec);
}

/* While 32 numbers move, there is room for 33, not for 64. */
static void short_memory_is_used_up(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = 128 + 132};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct numbers vec = {.allocator = &allocator};
    for (int i = 0; i < 33; i++) {
        assert_true(numbers_push(&vec, i));
    }
    assert_int_equal(vec.capacity, 33);
    numbers_destroy(&vec);
}

static void pop_nothing(void *argument) { (void)numbers_pop(argument); }
static void get_beyond(void *argument) { (void)numbers_get(argument, 3); }
static void set_beyond(void *argument) { numbers_set(argument, 3, 1); }
static void at_beyond(void *argument) { (void)numbers_at(argument, SIZE_MAX); }
static void insert_beyond(void *argument) { (void)numbers_insert(argument, 4, 1); }
static void remove_beyond(void *argument) { (void)numbers_remove(argument, 3); }
static void remove_swap_beyond(void *argument) { (void)numbers_remove_swap(argument, 3); }

static void bounds_are_checked(void **state) {
    (void)state;
    struct numbers empty = {0};
    struct numbers vec = {0};
    static const int three[] = {1, 2, 3};
    assert_true(numbers_append(&vec, three, 3));
    assert_dies(pop_nothing, &empty, "cairn: numbers_pop(0x");
    assert_dies(get_beyond, &vec, "): index 3 in an array of 3 items; thread ");
    assert_dies(set_beyond, &vec, "cairn: numbers_set(0x");
    assert_dies(set_beyond, &vec, "index 3 ");
    assert_dies(at_beyond, &vec, "cairn: numbers_at(0x");
    assert_dies(at_beyond, &vec, "index 18446744073709551615 ");
    assert_dies(insert_beyond, &vec, "cairn: numbers_insert(0x");
    assert_dies(insert_beyond, &vec, "index 4 ");
    assert_dies(remove_beyond, &vec, "cairn: numbers_remove(0x");
    assert_dies(remove_beyond, &vec, "index 3 ");
    assert_dies(remove_swap_beyond, &vec, "cairn: numbers_remove_swap(0x");
    assert_dies(remove_swap_beyond, &vec, "index 3 ");
    numbers_destroy(&vec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_and_pops),         cmocka_unit_test(inserts_and_removes),
        cmocka_unit_test(any_name_will_do),        cmocka_unit_test(appends_its_own_items),
        cmocka_unit_test(items_are_aligned),       cmocka_unit_test(room_is_made_and_given_back),
        cmocka_unit_test(growing_is_amortised),    cmocka_unit_test(failure_leaves_it_as_it_was),
        cmocka_unit_test(short_memory_is_used_up), cmocka_unit_test(bounds_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
