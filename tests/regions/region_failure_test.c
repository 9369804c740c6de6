/* All that arenas, scratch arenas, pools and object caches do, with calls to the kernel refused,
 * their own and the heap's: what is refused must show as NULL or false and leave nothing behind. */
#include <cairn/object_cache.h>
#include <cairn/pool.h>
#include <cairn/scratch.h>
#include <cairn/shared_arena.h>

#include <string.h>

#include "regions/arena.h"
#include "regions/pool_parts.h"
#include "support/files.h"
#include "support/sweep.h"

enum { OBJECTS = 25, SIZE = 20000 };

/* NULL only if something was refused. */
static bool got(const void *object) {
    REQUIRE(object != NULL || os_faulty_failures() > 0);
    return object != NULL;
}

static void require_sound(const struct cairn_arena *arena) {
    const char *what;
    if (!arena_holds(arena, &what)) {
        fprintf(stderr, "violated: %s\n", what);
        abort();
    }
}

static void fill_arena(struct cairn_arena *arena) {
    static const char zeros[SIZE];
    for (int i = 0; i < OBJECTS; i++) {
        size_t used = cairn_arena_statistics(arena).used;
        char *object = cairn_arena_allocate_zeroed(arena, SIZE, 64);
        if (got(object)) {
            REQUIRE(memcmp(object, zeros, SIZE) == 0);
            memset(object, i + 1, SIZE);
        } else {
            REQUIRE(cairn_arena_statistics(arena).used == used);
        }
    }
    require_sound(arena);
}

static void use_arena(struct cairn_arena *arena) {
    fill_arena(arena);
    struct cairn_mark mark = cairn_arena_mark(arena);
    char *first = cairn_arena_allocate(arena, 100, 8);
    if (got(first)) {
        memset(first, 1, 100);
        char *grown = cairn_arena_resize(arena, first, 100, 300000, 8);
        REQUIRE((got(grown) ? grown : first)[99] == 1);
    }
    REQUIRE(cairn_arena_reserve(arena, 500000) || os_faulty_failures() > 0);
    cairn_arena_rewind(arena, mark);
    (void)cairn_arena_trim(arena);
    require_sound(arena);
    cairn_arena_reset(arena);
    (void)cairn_arena_trim(arena);
    fill_arena(arena); /* zeroed, also if pages could not be given back */
    cairn_arena_destroy(arena);
}

static void use_arenas(void) {
    struct cairn_arena arena;
    cairn_arena_init(&arena, "swept", NULL);
    use_arena(&arena);
    if (cairn_arena_init_reserved(&arena, "swept", (size_t)1 << 30)) {
        use_arena(&arena);
    } else {
        REQUIRE(os_faulty_failures() > 0);
        require_sound(&arena);
    }
}

static void *use_scratch(void *unused) {
    for (int i = 0; i < 3; i++) { /* a first call that was refused does not spoil the next */
        struct cairn_scratch outer = cairn_scratch_begin(NULL);
        struct cairn_scratch inner = cairn_scratch_begin(outer.arena);
        if (got(outer.arena) && got(inner.arena)) {
            REQUIRE(outer.arena != inner.arena);
            (void)got(cairn_arena_allocate(outer.arena, SIZE, 8));
            (void)got(cairn_arena_allocate(inner.arena, SIZE, 8));
        }
        cairn_scratch_end(&inner);
        cairn_scratch_end(&outer);
    }
    return unused;
}

static void use_shared_arena(void) {
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, "swept", NULL);
    for (int i = 0; i < OBJECTS; i++) {
        char *object = cairn_shared_arena_allocate(&arena, SIZE, 8);
        if (got(object)) {
            memset(object, 1, SIZE);
        }
    }
    cairn_shared_arena_destroy(&arena);
}

static void use_pool(bool shared) {
    struct cairn_pool pool;
    const struct cairn_pool_options options = {.name = "swept", .shared = shared};
    void *objects[OBJECTS];
    if (!cairn_pool_init(&pool, SIZE, &options)) {
        REQUIRE(os_faulty_failures() > 0);
        return;
    }
    size_t live = 0;
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = cairn_pool_take(&pool);
        live += got(objects[i]);
    }
    REQUIRE(cairn_pool_statistics(&pool).live == live);
    const char *wrong;
    REQUIRE(pool_holds(&pool, &wrong));
    for (int i = 0; i < OBJECTS; i++) {
        cairn_pool_give(&pool, objects[i]);
    }
    cairn_pool_destroy(&pool);
}

static void use_object_cache(void) {
    struct cairn_object_cache *cache = cairn_object_cache_create(SIZE, NULL);
    void *objects[OBJECTS];
    if (!got(cache)) {
        return;
    }
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = cairn_object_cache_take(cache);
        (void)got(objects[i]);
    }
    for (int i = 0; i < OBJECTS; i++) {
        cairn_object_cache_give(cache, objects[i]);
    }
    (void)cairn_object_cache_reap(cache);
    cairn_object_cache_destroy(cache);
}

static void *use_all(void *unused) {
    use_arenas();
    use_shared_arena();
    use_pool(false);
    use_pool(true);
    use_object_cache();
    return unused;
}

static void in_new_thread(void *(*function)(void *)) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, function, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

static void require_none(void *context, const struct cairn_region_view *region) {
    fprintf(stderr, "left behind: %s %s\n", region->kind, region->name);
    *(bool *)context = false;
}

static int run_planned(void *argument) {
    const struct plan *plan = argument;
    size_t mapped = mapped_bytes();
    os_faulty_arm(plan->kinds, plan->n, plan->onwards);
    (void)use_all(NULL);
    in_new_thread(use_scratch);
    size_t failures = os_faulty_failures();
    os_faulty_arm(0, 0, false);
    struct checker_finding finding;
    REQUIRE(checker_run(&finding));
    bool none_left = true;
    cairn_regions_each(require_none, &none_left);
    REQUIRE(none_left);
    REQUIRE(mapped_bytes() < mapped + ((size_t)512 << 20)); /* no range of 1 GiB is left */
    (void)use_all(NULL); /* what failed has left nothing behind */
    in_new_thread(use_scratch);
    return failures > 0;
}

static void test_each_kind(void **state) {
    static const enum os_call kinds[] = {OS_CALL_RESERVE, OS_CALL_COMMIT, OS_CALL_PURGE,
                                         OS_CALL_SLOT_WRITE};
    (void)state;
    sweep_each(run_planned, kinds, sizeof kinds / sizeof *kinds);
}

static void test_all_kinds(void **state) {
    (void)state;
    sweep_all(run_planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
