/* The list of regions, and what it says of each kind of them. */
#include <cairn/arena.h>
#include <cairn/heap.h>
#include <cairn/object_cache.h>
#include <cairn/pool.h>
#include <errno.h>

#include "os/os.h"
#include "regions/object_cache.h"
#include "regions/registry.h"
#include "support/dies.h"
#include "support/files.h"
#include "support/map.h"

struct seen {
    int count;
    struct cairn_region_view last; /* of those with the wanted name */
    const char *wanted;
};

static void note(void *context, const struct cairn_region_view *region) {
    struct seen *seen = context;
    if (strcmp(region->name, seen->wanted) == 0) {
        seen->count++;
        seen->last = *region;
    }
}

static struct seen look_for(const char *name) {
    struct seen seen = {.wanted = name};
    cairn_regions_each(note, &seen);
    return seen;
}

static void test_arenas_are_listed(void **state) {
    (void)state;
    struct cairn_arena arenas[3];
    char buffer[100];
    cairn_arena_init(&arenas[0], "listed", NULL);
    cairn_arena_init_fixed(&arenas[1], "listed", buffer, sizeof buffer);
    assert_true(cairn_arena_init_reserved(&arenas[2], "listed", 1 << 20));
    assert_int_equal(look_for("listed").count, 2); /* a growing one has no memory yet */
    assert_non_null(cairn_arena_allocate(&arenas[0], 10000, 8));
    cairn_arena_reset(&arenas[0]);
    assert_non_null(cairn_arena_allocate(&arenas[0], 1000, 8));
    assert_int_equal(look_for("listed").count, 3);
    cairn_arena_destroy(&arenas[1]);
    cairn_arena_destroy(&arenas[2]);
    struct seen seen = look_for("listed");
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last.kind, "arena");
    assert_in_range(seen.last.usage.used, 1000, 1032);
    assert_in_range(seen.last.usage.peak, 10000, 10032);
    assert_true(seen.last.usage.reserved > 10000);
    cairn_arena_destroy(&arenas[0]);
    assert_int_equal(look_for("listed").count, 0);
}

static void test_without_a_name(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    assert_non_null(cairn_arena_new(&arena, int));
    assert_int_equal(look_for("").count, 1);
    cairn_arena_destroy(&arena);
    assert_int_equal(look_for("").count, 0);
}

/* --- the other kinds -------------------------------------------------------------------------- */

static void assert_usage(const char *kind, size_t used, size_t reserved, size_t peak) {
    struct seen seen = look_for("listed");
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last.kind, kind);
    assert_int_equal(seen.last.usage.used, used);
    assert_int_equal(seen.last.usage.reserved, reserved);
    assert_int_equal(seen.last.usage.peak, peak);
}

static void use_pool(struct cairn_pool *pool) {
    void *objects[150];
    for (int i = 0; i < 150; i++) {
        objects[i] = cairn_pool_take(pool);
        assert_non_null(objects[i]);
    }
    for (int i = 100; i < 150; i++) {
        cairn_pool_give(pool, objects[i]);
    }
    struct cairn_pool_figures figures = cairn_pool_statistics(pool);
    assert_in_range(figures.peak, 150 * 32, (150 + 64) * 32);
    assert_usage("pool", 100 * 32, figures.reserved, figures.peak);
    cairn_pool_reset(pool);
    assert_usage("pool", 0, figures.reserved, figures.peak);
}

static void test_pools_are_listed(void **state) {
    (void)state;
    static char memory[1 << 16];
    for (int shared = 0; shared < 2; shared++) {
        const struct cairn_pool_options options = {.name = "listed", .shared = shared != 0};
        struct cairn_pool pool;
        assert_true(cairn_pool_init(&pool, 32, &options));
        assert_int_equal(look_for("listed").count, shared); /* the other has no memory yet */
        use_pool(&pool);
        cairn_pool_destroy(&pool);
        assert_true(cairn_pool_init_fixed(&pool, 32, memory, sizeof memory, &options));
        use_pool(&pool);
        cairn_pool_destroy(&pool);
        assert_int_equal(look_for("listed").count, 0);
    }
    struct cairn_pool unnamed;
    assert_true(cairn_pool_init_fixed(&unnamed, 32, memory, sizeof memory, NULL));
    assert_int_equal(look_for("").count, 0);
    cairn_pool_destroy(&unnamed);
}

static void test_object_caches_are_listed(void **state) {
    (void)state;
    const struct cairn_object_cache_options options = {.name = "listed"};
    struct cairn_object_cache *cache = cairn_object_cache_create(32, &options);
    assert_non_null(cache);
    void *objects[150];
    for (int i = 0; i < 150; i++) {
        objects[i] = cairn_object_cache_take(cache);
    }
    for (int i = 100; i < 150; i++) {
        cairn_object_cache_give(cache, objects[i]);
    }
    struct cairn_object_cache_figures figures = cairn_object_cache_statistics(cache);
    assert_int_equal(figures.peak, 150 * 32);
    assert_usage("object cache", 100 * 32, figures.reserved, 150 * 32);
    for (int i = 0; i < 100; i++) {
        cairn_object_cache_give(cache, objects[i]);
    }
    cairn_object_cache_destroy(cache);
    assert_int_equal(look_for("listed").count, 0);
}

static void test_maps_are_listed(void **state) {
    (void)state;
    size_t page = os_page_size();
    struct cairn_map map;
    assert_fine(cairn_map_reserve(&map, 100 * page, 0));
    cairn_map_name(&map, "listed");
    assert_usage("mapped memory", 0, 0, 0);
    assert_fine(cairn_map_resize(&map, 3 * page + 1));
    assert_fine(cairn_map_resize(&map, 10));
    assert_usage("mapped memory", 10, page, 3 * page + 1);
    assert_fine(cairn_map_close(&map));
    assert_int_equal(look_for("listed").count, 0);
    cairn_map_name(&map, "listed"); /* it is closed: nothing happens */
    assert_fine(cairn_map_ring(&map, page));
    assert_int_equal(look_for("").count, 1);
    cairn_map_name(&map, "a name that is longer than a map has room for");
    assert_int_equal(look_for("a name that is longer than a ma").count, 1);
    cairn_map_name(&map, map.name);
    assert_int_equal(look_for("a name that is longer than a ma").count, 1);
    cairn_map_name(&map, map.name + 2);
    assert_int_equal(look_for("name that is longer than a ma").count, 1);
    assert_fine(cairn_map_close(&map));
    const char *path = scratch_file("listed", "text", 4);
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_WRITE, 0));
    assert_usage("mapped file", 4, page, 4);
    for (size_t size = 1; size < 100 * page; size *= 3) { /* it moves on the way */
        assert_fine(cairn_map_resize(&map, size));
    }
    assert_usage("mapped file", map.size, (map.size + page - 1) / page * page, map.size);
    assert_fine(cairn_map_close(&map));
    assert_int_equal(cairn_map_file(&map, path, CAIRN_MAP_READ, SIZE_MAX / 2).code, ENOMEM);
    assert_int_equal(look_for("listed").count, 0);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 300 };

static void *come_and_go(void *unused) {
    const struct cairn_pool_options of_pool = {.name = "thread"};
    const struct cairn_object_cache_options of_cache = {.name = "thread"};
    for (int i = 0; i < ROUNDS; i++) {
        struct cairn_arena arena;
        struct cairn_pool pool;
        struct cairn_map map;
        cairn_arena_init(&arena, "thread", NULL);
        REQUIRE(cairn_pool_init(&pool, 100, &of_pool));
        struct cairn_object_cache *cache = cairn_object_cache_create(100, &of_cache);
        REQUIRE(!cairn_map_failed(cairn_map_reserve(&map, 1 << 20, 0)));
        cairn_map_name(&map, "thread");
        for (size_t k = 0; k < 100; k++) {
            memset(cairn_arena_allocate(&arena, 100, 8), 1, 100);
            void *kept = cairn_pool_take(&pool);
            cairn_pool_give(&pool, cairn_pool_take(&pool));
            memset(kept, 1, 100);
            cairn_object_cache_give(cache, cairn_object_cache_take(cache));
            REQUIRE(k % 25 != 0 || !cairn_map_failed(cairn_map_resize(&map, k * 1000)));
        }
        cairn_arena_destroy(&arena);
        cairn_pool_destroy(&pool);
        cairn_object_cache_destroy(cache);
        REQUIRE(!cairn_map_failed(cairn_map_close(&map)));
    }
    return unused;
}

static void check_sanity(void *context, const struct cairn_region_view *region) {
    (void)context;
    assert_true(region->usage.used <= region->usage.reserved);
    assert_true(region->usage.used <= region->usage.peak);
    give(take(100)); /* a visit may allocate */
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        cairn_regions_each(check_sanity, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(look_for("thread").count, 0);
}

enum { HELD = 400 };

static _Atomic(bool) is_done;

/* Takes much at once and gives it back at once: whoever counts meanwhile counts some of it before
 * and some of it after. */
static void *swell_and_shrink(void *unused) {
    struct cairn_object_cache *cache = cairn_object_cache_create(4000, NULL);
    void *held[HELD];
    for (int i = 0; i < ROUNDS; i++) {
        struct cairn_heap *heap = cairn_heap_create(NULL);
        for (size_t k = 0; k < HELD; k++) {
            held[k] = cairn_object_cache_take(cache);
            REQUIRE(held[k] != NULL && cairn_heap_malloc(heap, 32000) != NULL);
        }
        for (size_t k = 0; k < HELD; k++) {
            cairn_object_cache_give(cache, held[k]);
        }
        REQUIRE(cairn_object_cache_reap(cache) != 0);
        cairn_heap_destroy(heap);
    }
    cairn_object_cache_destroy(cache);
    is_done = true;
    return unused;
}

static void check_figures(void *context, const struct cairn_region_view *region) {
    (void)context;
    assert_true(region->usage.used <= region->usage.reserved);
    assert_true(region->usage.used <= region->usage.peak);
}

static void test_swelling(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swell_and_shrink, NULL), 0);
    while (!is_done) {
        cairn_regions_each(check_figures, NULL);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* --- fork ------------------------------------------------------------------------------------- */

static struct cairn_arena of_main;
static struct cairn_arena of_other;
static pthread_barrier_t barrier;

static void *make_and_wait(void *unused) {
    cairn_arena_init(&of_other, "fork", NULL);
    (void)!cairn_arena_new(&of_other, int);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    cairn_arena_destroy(&of_other);
    return unused;
}

static int look_in_child(void *unused) {
    (void)unused;
    REQUIRE(look_for("fork").count == 1);
    REQUIRE(cairn_arena_new(&of_other, int) != NULL);
    cairn_arena_destroy(&of_other);
    cairn_arena_destroy(&of_main);
    return look_for("fork").count;
}

static void visit_and_fork(void *context, const struct cairn_region_view *region) {
    (void)region;
    int *status = context;
    pid_t pid = fork();
    if (pid == 0) {
        *status = -2;
        return;
    }
    assert_int_equal(waitpid(pid, status, 0), pid);
}

static void test_fork(void **state) {
    (void)state;
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, make_and_wait, NULL), 0);
    pthread_barrier_wait(&barrier);
    cairn_arena_init(&of_main, "fork", NULL);
    assert_non_null(cairn_arena_new(&of_main, int));
    assert_int_equal(look_for("fork").count, 2);
    assert_int_equal(in_child(look_in_child, NULL), 0);
    assert_int_equal(look_for("fork").count, 2);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
    int status = -1;
    cairn_regions_each(visit_and_fork, &status);
    if (status == -2) { /* the child, which is out of the visit now */
        cairn_arena_destroy(&of_main);
        _exit(look_for("fork").count);
    }
    assert_int_equal(status, 0);
    cairn_arena_destroy(&of_main);
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void make_one(void *context, const struct cairn_region_view *region) {
    (void)region;
    (void)!cairn_arena_new((struct cairn_arena *)context, int);
}

static void make_in_visit(void *context) {
    struct cairn_arena first = {0};
    (void)!cairn_arena_new(&first, int);
    cairn_regions_each(make_one, context);
}

static void list_again(void *context, const struct cairn_region_view *region) {
    (void)region;
    cairn_regions_each(list_again, context);
}

static void list_in_visit(void *context) {
    struct cairn_arena first = {0};
    (void)!cairn_arena_new(&first, int);
    cairn_regions_each(list_again, context);
}

static void test_mistakes(void **state) {
    (void)state;
    struct cairn_arena arena = {0};
    assert_dies(make_in_visit, &arena, "its visit makes, destroys or lists regions");
    assert_dies(list_in_visit, NULL, "cairn: cairn_regions_each(");
}

int main(void) {
    object_cache_start();
    registry_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arenas_are_listed), cmocka_unit_test(test_without_a_name),
        cmocka_unit_test(test_pools_are_listed),  cmocka_unit_test(test_object_caches_are_listed),
        cmocka_unit_test(test_maps_are_listed),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_swelling),          cmocka_unit_test(test_fork),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
