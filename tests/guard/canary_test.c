/* What lies behind objects and what is found there; and memory that reads as zero. */
#include "guard/canary.h"

#include "core/size_class.h"
#include "guard/clear.h"
#include "support/core.h"

/* An object of the largest class, with what is around it. */
static _Alignas(64) char memory[2 * SLAB_MAX];
static char *const object = memory + SLAB_MAX / 2;

/* The sizes that a class has its objects for, and some with more fill, as alignments give. */
static size_t least_size(unsigned class) {
    size_t before = class == 0 ? 0 : size_classes[class - 1].size;
    return before < 2 * CANARY_LEAST ? 0 : before - CANARY_LEAST + 1;
}

static void each_size(void (*visit)(size_t room, size_t size)) {
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        size_t room = size_classes[class].size, most = room - CANARY_LEAST;
        size_t step = 1 + (most - least_size(class)) / 64;
        for (size_t size = least_size(class); size <= most; size += step) {
            visit(room, size);
        }
        visit(room, 0);
        visit(room, most / 2);
        visit(room, most);
    }
}

static void check_both_ways(size_t room, size_t size) {
    static char whole[SLAB_MAX];
    size_t found = room;
    memset(memory, 0, sizeof memory);
    canary_rewrite(object, room, size);
    assert_true(canary_check(object, room, &found));
    assert_int_equal(found, size);
    memcpy(whole, object, room);
    memset(object, 0, room);
    canary_write(object, room, size);
    assert_memory_equal(object, whole, room);
    if (canary_is_short(room, size)) {
        memset(object, 0, room);
        canary_write_short(object, room, size);
        assert_memory_equal(object, whole, room);
    }
    memset(object, 0x77, size);
    assert_true(canary_check(object, room, &found));
    assert_int_equal(found, size);
    assert_true(is_clear(memory, SLAB_MAX / 2));
    assert_true(is_clear(object + room, SLAB_MAX / 2));
}

static void the_size_is_found_behind_an_object(void **state) {
    (void)state;
    each_size(check_both_ways);
}

/* The byte at `changed` may be another one.  One of the trailer makes another length of it, which
 * by chance fits what is there: the short check does not tell which length it found. */
static bool is_whole(size_t room, size_t size, size_t changed) {
    size_t found;
    bool whole = canary_check(object, room, &found) && found == size;
    if (canary_is_short(room, size)) {
        bool whole_by_short = canary_check_short(object, room);
        assert_true(whole_by_short == whole || (whole_by_short && changed >= room - CANARY_LEAST));
    }
    return whole;
}

/* A string's end, and a bit: each changes a byte. */
static void check_each_byte(size_t room, size_t size) {
    canary_rewrite(object, room, size);
    for (size_t at = size; at < room; at += 1 + (room - size) / 100) {
        char before = object[at];
        object[at] = 0;
        assert_true(before == 0 || !is_whole(room, size, at));
        object[at] = (char)(before ^ 0x10);
        assert_false(is_whole(room, size, at));
        object[at] = before;
    }
    assert_true(is_whole(room, size, 0));
}

static void each_changed_byte_shows(void **state) {
    (void)state;
    each_size(check_each_byte);
}

static void clearing_keeps_to_its_bounds(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        size_t room = size_classes[class].size;
        memset(memory, 0x5a, sizeof memory);
        clear(object, room);
        assert_true(is_clear(object, room));
        assert_int_equal(object[-1], 0x5a);
        assert_int_equal(object[room], 0x5a);
        for (size_t at = 0; at < room; at += 1 + room / 600) {
            object[at] = 1;
            assert_false(is_clear(object, room));
            object[at] = 0;
        }
    }
}

int main(void) {
    canary_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_is_found_behind_an_object),
        cmocka_unit_test(each_changed_byte_shows),
        cmocka_unit_test(clearing_keeps_to_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
