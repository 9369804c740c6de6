/* The public headers from C++: that they compile, warn of nothing, and do what they do from C. */
#include <cairn/allocator.h>
#include <cairn/anchor.h>
#include <cairn/arena.h>
#include <cairn/cairn.h>
#include <cairn/debug.h>
#include <cairn/guard.h>
#include <cairn/heap.h>
#include <cairn/limits.h>
#include <cairn/map.h>
#include <cairn/object_cache.h>
#include <cairn/options.h>
#include <cairn/pool.h>
#include <cairn/regions.h>
#include <cairn/report.h>
#include <cairn/scope.h>
#include <cairn/scratch.h>
#include <cairn/shared_arena.h>
#include <cairn/stats.h>
#include <cairn/str.h>
#include <cairn/tag.h>
#include <cairn/vec.h>

#include "support/testkit.h"

struct point {
    double x;
    double y;
};

CAIRN_VEC(points, point)
CAIRN_POOL(point_pool, point)
CAIRN_OBJECT_CACHE(point_cache, point)

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

static void heaps() {
    const cairn_heap_options options = {"plugin", 1 << 20};
    cairn_heap *heap = cairn_heap_create(&options);
    char *text = cairn_heap_strdup(heap, "text");
    CAIRN_WITH_HEAP(heap) {
        cairn_autofree void *object = cairn_malloc(100);
        EXPECT(cairn_heap_of(object) == heap);
    }
    EXPECT(cairn_heap_of(text) == heap && cairn_heap_statistics(heap).objects == 1);
    cairn_free(text);
    cairn_heap_destroy(heap);
}

static void maps() {
    bool deferred = false;
    {
        cairn_defer(set_true, &deferred);
        cairn_defer_block { EXPECT(!deferred); };
        cairn_auto(cairn_map_dispose) cairn_map map = {};
        EXPECT(!cairn_map_failed(cairn_map_memory(&map, 100, CAIRN_MAP_GUARDED)));
        char byte = 1;
        EXPECT(!cairn_map_failed(cairn_map_read_guarded(&map, 99, &byte, 1)) && byte == 0);
        EXPECT(!deferred);
    }
    EXPECT(deferred);
}

static void arenas() {
    cairn_auto(cairn_arena_destroy) cairn_arena arena = {};
    const cairn_mark mark = cairn_arena_mark(&arena);
    point *one = cairn_arena_new_zeroed(&arena, point);
    point *many = cairn_arena_array(&arena, point, 10);
    EXPECT(one != nullptr && many != nullptr && one->x == 0 && cairn_arena_owns(&arena, many));
    EXPECT(strcmp(cairn_arena_printf(&arena, "%d", 7), "7") == 0);
    cairn_arena_rewind(&arena, mark);
    cairn_scratch scratch = cairn_scratch_begin(&arena);
    EXPECT(scratch.arena != nullptr && cairn_arena_new(scratch.arena, point) != nullptr);
    cairn_scratch_end(&scratch);
    cairn_shared_arena shared;
    cairn_shared_arena_init(&shared, "shared", nullptr);
    EXPECT(cairn_shared_arena_allocate(&shared, 100, 8) != nullptr);
    cairn_shared_arena_destroy(&shared);
}

static void count_region(void *count, const cairn_region_view *region) {
    *static_cast<int *>(count) += strcmp(region->name, "points") == 0;
}

static void objects() {
    cairn_pool_options pool_options = {};
    pool_options.name = "points";
    pool_options.handles = true;
    point_pool pool;
    EXPECT(point_pool_init(&pool, &pool_options));
    point *taken = point_pool_take(&pool);
    EXPECT(taken != nullptr);
    cairn_handle handle = point_pool_handle(&pool, taken);
    cairn_pool_cursor cursor = {};
    EXPECT(point_pool_get(&pool, handle) == taken && point_pool_next(&pool, &cursor) == taken);
    cairn_object_cache_options cache_options = {};
    cache_options.name = "points";
    point_cache cache;
    EXPECT(point_cache_create(&cache, &cache_options));
    point *cached = point_cache_take(&cache);
    EXPECT(cached != nullptr && cairn_object_cache_statistics(cache.cache).live == 1);
    int count = 0;
    cairn_regions_each(count_region, &count);
    EXPECT(count == 2);
    point_cache_give(&cache, cached);
    point_cache_destroy(&cache);
    point_pool_give(&pool, taken);
    EXPECT(point_pool_get(&pool, handle) == nullptr);
    point_pool_destroy(&pool);
}

int main() {
    strings();
    arenas();
    objects();
    arrays();
    heaps();
    maps();
    return 0;
}
