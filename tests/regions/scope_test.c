/* Scopes: what is given back, in which order, on which ways out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cairn/map.h>
#include <cairn/scope.h>
#include <cairn/str.h>
#include <cairn/vec.h>

#include "os/os.h"
#include "support/tight_allocator.h"

static char order[32];

/* Stands for the heap's: module tests have no front. */
void cairn_free(void *pointer) {
    if (pointer != NULL) {
        strcat(order, pointer);
    }
}

/* Out of the compiler's sight, which knows that this is no object of the heap. */
static char *hidden(char *text) {
    __asm__("" : "+r"(text));
    return text;
}

static void note(void *argument) { strcat(order, argument); }

static int leave(int way) {
    cairn_autofree char *text = NULL;
    char first[] = "first ";
    char second[] = "second ";
    text = hidden(first);
    for (int i = 0; i < 3; i++) {
        cairn_autofree char *inner = hidden(second);
        if (way == 0) {
            return 0;
        }
        if (way == 1) {
            break;
        }
        if (way == 2) {
            goto out;
        }
        inner = NULL;
    }
out:
    strcat(order, "end ");
    return 1;
}

static void all_ways_out_give_back(void **state) {
    (void)state;
    static const char *const expected[] = {"second first ", "second end first ",
                                           "second end first ", "end first "};
    for (int way = 0; way < 4; way++) {
        order[0] = '\0';
        (void)leave(way);
        assert_string_equal(order, expected[way]);
    }
}

static char *steal_one(void) {
    static char kept[] = "kept ";
    static char freed[] = "freed ";
    cairn_autofree char *a = hidden(freed);
    cairn_autofree char *b = hidden(kept);
    assert_string_equal(a, "freed ");
    return cairn_steal(b);
}

static void what_is_stolen_stays(void **state) {
    (void)state;
    order[0] = '\0';
    assert_string_equal(steal_one(), "kept ");
    assert_string_equal(order, "freed ");
}

static void deferred_calls_run_in_reverse(void **state) {
    (void)state;
    order[0] = '\0';
    {
        char argument[] = "1 ";
        cairn_defer(note, argument);
        cairn_defer(note, "2 ");
        if (order[0] == '\0') {
            cairn_defer(note, "3 ");
        }
        strcat(order, "body ");
    }
    assert_string_equal(order, "3 body 2 1 ");
}

#ifdef cairn_defer_block
static int leave_early(int times) {
    for (int i = 0; i < times; i++) {
        cairn_defer_block { strcat(order, i == 1 ? "last " : "turn "); };
        if (i == 1) {
            return i;
        }
    }
    return -1;
}

static void deferred_blocks_see_the_scope(void **state) {
    (void)state;
    order[0] = '\0';
    int count = 1;
    {
        cairn_defer_block { count *= 10; };
        cairn_defer_block {
            count += 2;
            strcat(order, "two ");
        };
        cairn_defer(note, "one ");
        count = 4;
    }
    assert_int_equal(count, 60);
    assert_int_equal(leave_early(3), 1);
    assert_string_equal(order, "one two turn last ");
}
#endif

CAIRN_VEC(numbers, int)

static void strings_arrays_and_maps_too(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    char *data;
    {
        cairn_auto(cairn_str_destroy) struct cairn_str string = {.allocator = &allocator};
        cairn_auto(numbers_destroy) struct numbers vec = {.allocator = &allocator};
        cairn_auto(cairn_map_dispose) struct cairn_map map = {0};
        assert_true(cairn_str_append(&string, "text"));
        assert_true(numbers_push(&vec, 1));
        assert_false(cairn_map_failed(cairn_map_memory(&map, 1, 0)));
        assert_int_equal(tight.objects, 2);
        data = map.data;
    }
    assert_int_equal(tight.objects, 0);
    assert_int_equal(os_resident_bytes(data, os_page_size()), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_out_give_back),        cmocka_unit_test(what_is_stolen_stays),
        cmocka_unit_test(deferred_calls_run_in_reverse),
#ifdef cairn_defer_block
        cmocka_unit_test(deferred_blocks_see_the_scope),
#endif
        cmocka_unit_test(strings_arrays_and_maps_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
