#include <cairn/object_cache.h>

#include <errno.h>
#include <string.h>

#include "core/trim.h"
#include "regions/object_cache.h"
#include "support/dies.h"
#include "support/random.h"
#include "support/tight_allocator.h"

enum { MANY = 2000, MADE = 0x6d616465 };

/* An object whose construction shows: it must be MADE whenever it is taken, with the same serial
 * number in the same place as long as it is not destructed. */
struct thing {
    uint32_t made;
    uint32_t uses;
    uint64_t serial;
    char rest[200];
};

struct maker {
    _Atomic(uint64_t) constructed, destructed;
    _Atomic(long) left; /* constructions until they fail; below 0: they never do */
};

static bool make_thing(void *object, void *context) {
    struct maker *maker = context;
    struct thing *thing = object;
    if (maker->left == 0) {
        return false;
    }
    if (maker->left > 0) {
        maker->left--;
    }
    memset(thing, 0, sizeof *thing);
    thing->made = MADE;
    thing->serial = ++maker->constructed;
    return true;
}

static void unmake_thing(void *object, void *context) {
    struct maker *maker = context;
    struct thing *thing = object;
    REQUIRE(thing->made == MADE);
    thing->made = 0;
    maker->destructed++;
}

static struct thing *things[MANY];

static struct cairn_object_cache *make_cache(struct maker *maker,
                                             const struct cairn_allocator *allocator) {
    const struct cairn_object_cache_options options = {.name = "things",
                                                       .allocator = allocator,
                                                       .construct = make_thing,
                                                       .destruct = unmake_thing,
                                                       .context = maker};
    *maker = (struct maker){.left = -1};
    struct cairn_object_cache *cache = cairn_object_cache_create(sizeof(struct thing), &options);
    assert_non_null(cache);
    return cache;
}

static void take_many(struct cairn_object_cache *cache, size_t count) {
    for (size_t i = 0; i < count; i++) {
        things[i] = cairn_object_cache_take(cache);
        assert_non_null(things[i]);
        assert_int_equal(things[i]->made, MADE);
        things[i]->uses++;
    }
}

static void give_many(struct cairn_object_cache *cache, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cairn_object_cache_give(cache, things[i]);
    }
}

/* --- construction ----------------------------------------------------------------------------- */

static void constructed_state_survives(void **state) {
    (void)state;
    struct maker maker;
    struct cairn_object_cache *cache = make_cache(&maker, NULL);
    enum { ROUNDS = 10 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        take_many(cache, MANY);
        assert_int_equal(cairn_object_cache_statistics(cache).used, MANY * sizeof(struct thing));
        give_many(cache, MANY);
        assert_int_equal(cairn_object_cache_statistics(cache).used, 0);
    }
    assert_true(maker.constructed < MANY + 64);
    assert_int_equal(maker.destructed, 0);
    take_many(cache, MANY);
    uint64_t uses = 0;
    for (size_t i = 0; i < MANY; i++) {
        uses += things[i]->uses; /* nobody has cleared them in between */
    }
    assert_true(uses > (ROUNDS - 1) * MANY);
    give_many(cache, MANY);
    struct cairn_object_cache_figures statistics = cairn_object_cache_statistics(cache);
    assert_int_equal(statistics.takes, (ROUNDS + 1) * MANY);
    assert_int_equal(statistics.gives, (ROUNDS + 1) * MANY);
    assert_int_equal(statistics.constructed, maker.constructed);
    assert_int_equal(statistics.idle, maker.constructed);
    assert_true(statistics.peak >= MANY * sizeof(struct thing) &&
                statistics.peak <= maker.constructed * statistics.object_bytes);
    cairn_object_cache_destroy(cache);
    assert_int_equal(maker.destructed, maker.constructed);
}

static void failed_construction_is_no_object(void **state) {
    (void)state;
    struct maker maker;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct cairn_object_cache *cache = make_cache(&maker, &allocator);
    maker.left = 10;
    take_many(cache, 10);
    for (int i = 0; i < 100; i++) {
        assert_null(cairn_object_cache_take(cache));
    }
    maker.left = -1;
    take_many(cache, 0);
    struct thing *late = cairn_object_cache_take(cache);
    assert_non_null(late);
    assert_int_equal(maker.constructed, 11);
    assert_int_equal(cairn_object_cache_statistics(cache).takes, 11);
    assert_int_equal(cairn_object_cache_statistics(cache).slabs, 1);
    cairn_object_cache_give(cache, late);
    give_many(cache, 10);
    cairn_object_cache_destroy(cache);
    assert_int_equal(maker.destructed, 11);
    assert_int_equal(tight.used, 0);
}

/* --- slabs ------------------------------------------------------------------------------------ */

static void serves_every_size(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, 8, 24, 64, 96, 1000, 1024, 4096, 9000, 65536, 100000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct cairn_object_cache *cache = cairn_object_cache_create(sizes[s], NULL);
        size_t size = sizes[s] == 0 ? 1 : sizes[s];
        size_t implied = size & -size;
        size_t count = size > 5000 ? 100 : MANY;
        unsigned char **objects = (unsigned char **)(void *)things;
        for (size_t i = 0; i < count; i++) {
            objects[i] = cairn_object_cache_take(cache);
            assert_non_null(objects[i]);
            assert_int_equal((uintptr_t)objects[i] % (implied < 16 ? implied : 16), 0);
            memset(objects[i], (int)(i % 251), size);
        }
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(objects[i][0], i % 251);
            assert_int_equal(objects[i][size - 1], i % 251);
            cairn_object_cache_give(cache, objects[i]);
        }
        struct cairn_object_cache_figures statistics = cairn_object_cache_statistics(cache);
        size_t wasted = statistics.slab_bytes - statistics.slab_objects * size;
        assert_true(wasted <= statistics.slab_bytes / 8 || size < 16);
        cairn_object_cache_destroy(cache);
    }
}

/* Objects of several slabs at the same place in theirs are at different offsets. */
static void colours_slabs(void **state) {
    (void)state;
    struct cairn_object_cache *cache = cairn_object_cache_create(1024, NULL);
    size_t slab_bytes = cairn_object_cache_statistics(cache).slab_bytes;
    bool seen[16] = {false};
    size_t colours = 0;
    for (size_t i = 0; i < MANY; i++) {
        things[i] = cairn_object_cache_take(cache);
        size_t line = (uintptr_t)things[i] % slab_bytes % 1024 / 64;
        colours += !seen[line];
        seen[line] = true;
    }
    assert_int_equal(colours, 16);
    give_many(cache, MANY);
    cairn_object_cache_destroy(cache);
}

static void reaps(void **state) {
    (void)state;
    struct maker maker;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct cairn_object_cache *cache = make_cache(&maker, &allocator);
    take_many(cache, MANY);
    assert_int_equal(cairn_object_cache_statistics(cache).reserved, tight.used);
    struct thing *kept = things[MANY - 1];
    uint64_t serial = kept->serial;
    give_many(cache, MANY - 1);
    size_t before = tight.used;
    size_t reaped = cairn_object_cache_reap(cache);
    assert_int_equal(before - tight.used, reaped);
    assert_int_equal(cairn_object_cache_statistics(cache).reserved, tight.used);
    assert_true(reaped > (MANY - 64) * sizeof(struct thing));
    assert_int_equal(cairn_object_cache_statistics(cache).slabs, 1);
    assert_int_equal(kept->serial, serial);
    assert_true(maker.destructed >= MANY - 64 && maker.destructed < maker.constructed);
    uint64_t constructed = maker.constructed; /* the slab that is left has idle and raw places */
    things[0] = cairn_object_cache_take(cache);
    assert_int_equal(maker.constructed, constructed);
    cairn_object_cache_give(cache, things[0]);
    (void)cairn_object_cache_reap(cache);
    take_many(cache, MANY - 1); /* descriptors and table are used again */
    give_many(cache, MANY);
    cairn_object_cache_destroy(cache);
    assert_int_equal(tight.used, 0);
    assert_int_equal(maker.destructed, maker.constructed);
}

static void trim_reaps_all_caches(void **state) {
    (void)state;
    struct maker makers[3];
    struct cairn_object_cache *caches[3];
    for (int i = 0; i < 3; i++) {
        caches[i] = make_cache(&makers[i], NULL);
        take_many(caches[i], MANY);
        give_many(caches[i], MANY);
    }
    size_t idle = 3 * MANY * sizeof(struct thing);
    assert_true(trim() >= idle);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(makers[i].destructed, makers[i].constructed);
        assert_int_equal(cairn_object_cache_statistics(caches[i]).slabs, 0);
        take_many(caches[i], 10);
        give_many(caches[i], 10);
        cairn_object_cache_destroy(caches[i]);
    }
}

/* Each allocation fails in turn: an object or NULL, and everything comes back in the end. */
static void survives_want_of_memory(void **state) {
    (void)state;
    for (size_t fails_at = 0; fails_at < 40; fails_at++) {
        struct maker maker;
        struct tight_allocator tight = {.limit = SIZE_MAX};
        const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
        struct cairn_object_cache *cache = make_cache(&maker, &allocator);
        tight.fail_from = tight.calls + 1 + fails_at;
        size_t count = 0;
        while (count < MANY && (things[count] = cairn_object_cache_take(cache)) != NULL) {
            count++;
        }
        give_many(cache, count);
        tight.fail_from = 0;
        take_many(cache, MANY);
        give_many(cache, MANY);
        cairn_object_cache_destroy(cache);
        assert_int_equal(tight.used, 0);
        assert_int_equal(maker.destructed, maker.constructed);
    }
    struct tight_allocator tight = {.limit = SIZE_MAX, .fail_from = 1};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    const struct cairn_object_cache_options options = {.allocator = &allocator};
    assert_null(cairn_object_cache_create(8, &options));
    assert_int_equal(errno, ENOMEM);
    tight.fail_from = tight.calls + 2;
    assert_null(cairn_object_cache_create(8, &options));
    assert_int_equal(tight.used, 0);
}

static void refuses_what_it_cannot_do(void **state) {
    (void)state;
    const struct cairn_object_cache_options odd = {.alignment = 24};
    assert_null(cairn_object_cache_create(8, &odd));
    assert_int_equal(errno, EINVAL);
    assert_null(cairn_object_cache_create(SIZE_MAX, NULL));
    assert_int_equal(errno, EINVAL);
    cairn_object_cache_destroy(NULL);
}

static void is_found_by_name(void **state) {
    (void)state;
    struct maker maker;
    struct cairn_object_cache_figures statistics;
    assert_false(cairn_object_cache_statistics_of("things", &statistics));
    struct cairn_object_cache *cache = make_cache(&maker, NULL);
    take_many(cache, 3);
    assert_true(cairn_object_cache_statistics_of("things", &statistics));
    assert_int_equal(statistics.live, 3);
    give_many(cache, 3);
    cairn_object_cache_destroy(cache);
    assert_false(cairn_object_cache_statistics_of("things", &statistics));
}

CAIRN_OBJECT_CACHE(thing_cache, struct thing)

static void knows_types(void **state) {
    (void)state;
    struct thing_cache cache;
    assert_true(thing_cache_create(&cache, NULL));
    struct thing *thing = thing_cache_take(&cache);
    thing->uses = 1;
    thing_cache_give(&cache, thing);
    thing_cache_destroy(&cache);
    assert_null(cache.cache);
}

/* --- mistakes --------------------------------------------------------------------------------- */

/* volatile: the compiler, which the header tells what is owned, sees through it otherwise. */
struct mistake {
    struct cairn_object_cache *cache;
    void *volatile pointer;
};

static void give_it(void *argument) {
    struct mistake *mistake = argument;
    cairn_object_cache_give(mistake->cache, mistake->pointer);
}

static void destroy_it(void *cache) { cairn_object_cache_destroy(cache); }

static void take_from_destroyed(void *cache) {
    void *volatile destroyed = cache;
    cairn_object_cache_destroy(cache);
    (void)!cairn_object_cache_take(destroyed);
}

static void assert_give_dies(struct cairn_object_cache *cache, void *pointer, const char *text) {
    struct mistake mistake = {cache, pointer};
    assert_dies(give_it, &mistake, text);
}

static void reports_mistakes(void **state) {
    (void)state;
    struct maker maker;
    struct cairn_object_cache *cache = make_cache(&maker, NULL);
    take_many(cache, 100);
    char local[200];
    cairn_object_cache_give(cache, NULL);
    cairn_object_cache_give(cache, things[7]);
    assert_give_dies(cache, things[7], "double give of an object of object cache \"things\"");
    assert_give_dies(cache, (char *)things[8] + 8,
                     "pointer 8 bytes into an object of object cache \"things\" that starts at 0x");
    assert_give_dies(cache, local, "pointer that is no object of object cache \"things\"");
    assert_give_dies(cache, cache, "pointer that is no object of object cache \"things\"");
    size_t slab_bytes = cairn_object_cache_statistics(cache).slab_bytes;
    uintptr_t slab = (uintptr_t)things[50] / slab_bytes * slab_bytes;
    assert_give_dies(cache, (void *)(slab + slab_bytes - 1), "pointer");
    (void)!cairn_object_cache_reap(cache);
    assert_give_dies(cache, things[7], "double give"); /* idle in its slab by now */
    things[7] = cairn_object_cache_take(cache);
    assert_dies(destroy_it, cache, "100 objects are live of object cache \"things\"");
    give_many(cache, 100);
    cairn_object_cache_reap(cache);
    assert_give_dies(cache, things[7], "pointer that is no object");
    assert_dies(take_from_destroyed, cache, "use of an object cache that was destroyed");
    cairn_object_cache_destroy(cache);
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void poisons_what_is_idle(void **state) {
    (void)state;
    struct maker maker;
    struct cairn_object_cache *cache = make_cache(&maker, NULL);
    struct thing *thing = cairn_object_cache_take(cache);
    assert_null(__asan_region_is_poisoned(thing, sizeof *thing));
    assert_true(__asan_address_is_poisoned(thing + 1));
    void *volatile place = thing; /* the compiler knows that it is given back */
    cairn_object_cache_give(cache, thing);
    assert_true(__asan_address_is_poisoned(place));
    (void)cairn_object_cache_reap(cache);
    assert_false(__asan_address_is_poisoned(place));
    cairn_object_cache_destroy(cache);
}
#endif

/* --- threads ---------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 10000, HELD = 100, PASSED = 16 };

static struct cairn_object_cache *common;
static struct thing *_Atomic passed[PASSED];
static _Atomic(bool) over;

static void give_used(struct thing *thing) {
    if (thing != NULL) {
        REQUIRE(thing->made == MADE && thing->rest[0] == 1);
        thing->rest[0] = 0;
        cairn_object_cache_give(common, thing);
    }
}

static struct thing *take_fresh(void) {
    struct thing *thing = cairn_object_cache_take(common);
    REQUIRE(thing != NULL && thing->made == MADE && thing->rest[0] == 0);
    thing->rest[0] = 1;
    return thing;
}

static void *take_and_give(void *argument) {
    struct thing *held[HELD] = {0};
    uint64_t random = (uintptr_t)argument;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct thing **place = &held[random_below(&random, HELD)];
        if (*place == NULL) {
            *place = take_fresh();
        } else if (random_below(&random, 3) == 0) {
            *place = atomic_exchange(&passed[random_below(&random, PASSED)], *place);
        } else {
            give_used(*place);
            *place = NULL;
        }
    }
    for (size_t i = 0; i < HELD; i++) {
        give_used(held[i]);
    }
    return NULL;
}

static void *trim_now_and_then(void *unused) {
    (void)unused;
    while (!over) {
        (void)trim();
        usleep(500);
    }
    return NULL;
}

static void *make_and_destroy(void *unused) {
    (void)unused;
    while (!over) {
        struct cairn_object_cache *cache = cairn_object_cache_create(64, NULL);
        REQUIRE(cache != NULL);
        cairn_object_cache_give(cache, cairn_object_cache_take(cache));
        cairn_object_cache_destroy(cache);
        usleep(100);
    }
    return NULL;
}

static void serves_threads_while_reaped(void **state) {
    (void)state;
    struct maker maker;
    common = make_cache(&maker, NULL);
    over = false;
    pthread_t threads[THREADS];
    pthread_t others[2];
    assert_int_equal(pthread_create(&others[0], NULL, trim_now_and_then, NULL), 0);
    assert_int_equal(pthread_create(&others[1], NULL, make_and_destroy, NULL), 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    over = true;
    assert_int_equal(pthread_join(others[0], NULL), 0);
    assert_int_equal(pthread_join(others[1], NULL), 0);
    for (size_t i = 0; i < PASSED; i++) {
        give_used(atomic_exchange(&passed[i], NULL));
    }
    struct cairn_object_cache_figures statistics = cairn_object_cache_statistics(common);
    assert_int_equal(statistics.live, 0);
    assert_int_equal(statistics.takes, statistics.gives);
    assert_int_equal(statistics.idle, maker.constructed - maker.destructed);
    cairn_object_cache_destroy(common);
    assert_int_equal(maker.destructed, maker.constructed);
}

static int trim_in_child(void *cache) {
    (void)trim();
    struct thing *thing = cairn_object_cache_take(cache);
    cairn_object_cache_give(cache, thing);
    return 0;
}

static void child_of_a_fork_goes_on(void **state) {
    (void)state;
    struct maker maker;
    struct cairn_object_cache *cache = make_cache(&maker, NULL);
    take_many(cache, 100);
    give_many(cache, 100);
    assert_int_equal(in_child(trim_in_child, cache), 0);
    cairn_object_cache_destroy(cache);
}

int main(void) {
    object_cache_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructed_state_survives),
        cmocka_unit_test(failed_construction_is_no_object),
        cmocka_unit_test(serves_every_size),
        cmocka_unit_test(colours_slabs),
        cmocka_unit_test(reaps),
        cmocka_unit_test(trim_reaps_all_caches),
        cmocka_unit_test(survives_want_of_memory),
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(is_found_by_name),
        cmocka_unit_test(knows_types),
        cmocka_unit_test(reports_mistakes),
#ifdef __SANITIZE_ADDRESS__
        cmocka_unit_test(poisons_what_is_idle),
#endif
        cmocka_unit_test(serves_threads_while_reaped),
        cmocka_unit_test(child_of_a_fork_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
