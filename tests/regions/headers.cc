/* The public headers from C++: that they compile, warn of nothing, and do what they do from C. */
#include <cairn/allocator.h>
#include <cairn/cairn.h>
#include <cairn/map.h>
#include <cairn/scope.h>
#include <cairn/str.h>
#include <cairn/vec.h>

#include "support/testkit.h"

struct point {
    double x;
    double y;
};

CAIRN_VEC(points, point)

static char *greeting(const char *name) {
    cairn_autofree char *text = cairn_strcat("hello, ", name);
    return static_cast<char *>(cairn_steal(text));
}

static void strings() {
    cairn_autofree char *text = greeting("world");
    EXPECT(text != nullptr && strcmp(text, "hello, world") == 0);
    cairn_auto(cairn_str_destroy) cairn_str string = {};
    EXPECT(cairn_str_append(&string, text) && cairn_str_append_byte(&string, '!'));
    EXPECT(cairn_str_printf(&string, " %d", 7));
    EXPECT(cairn_slice_equal(cairn_str_slice(&string), cairn_slice_of("hello, world! 7")));
}

static void arrays() {
    cairn_auto(points_destroy) points vec = {};
    for (int i = 0; i < 100; i++) {
        EXPECT(points_push(&vec, point{1.0 * i, 2.0 * i}));
    }
    EXPECT(points_append(&vec, vec.items, 2) && points_insert(&vec, 0, point{7, 8}));
    EXPECT(points_get(&vec, 100).y == 198 && points_at(&vec, 0)->x == 7);
    EXPECT(points_remove(&vec, 0).y == 8 && points_remove_swap(&vec, 1).x == 1);
    points_set(&vec, 0, points_pop(&vec));
    points_shrink(&vec);
    EXPECT(vec.capacity == vec.count);
}

static void set_true(void *flag) { *static_cast<bool *>(flag) = true; }

static void maps() {
    bool deferred = false;
    {
        cairn_defer(set_true, &deferred);
        cairn_auto(cairn_map_dispose) cairn_map map = {};
        EXPECT(!cairn_map_failed(cairn_map_memory(&map, 100, CAIRN_MAP_GUARDED)));
        char byte = 1;
        EXPECT(!cairn_map_failed(cairn_map_read_guarded(&map, 99, &byte, 1)) && byte == 0);
        EXPECT(!deferred);
    }
    EXPECT(deferred);
}

int main() {
    strings();
    arrays();
    maps();
    return 0;
}
