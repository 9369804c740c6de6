#include <cairn/pool.h>

#include <errno.h>
#include <string.h>

#include "regions/pool_checks.h"
#include "support/dies.h"
#include "support/random.h"
#include "support/tight_allocator.h"

enum { MANY = 3000 };

static void *objects[MANY];

/* --- objects ---------------------------------------------------------------------------------- */

static void stamp(unsigned char *object, size_t size, size_t value) {
    memset(object, (int)(value % 251), size);
}

static void assert_stamped(const unsigned char *object, size_t size, size_t value) {
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(object[i], value % 251);
    }
}

/* Takes, stamps, gives some and takes again: nobody may write into another's object. */
static void exercise(struct cairn_pool *pool, size_t size, size_t alignment, size_t count) {
    uint64_t random = size;
    for (size_t i = 0; i < count; i++) {
        objects[i] = cairn_pool_take(pool);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % alignment, 0);
        stamp(objects[i], size, i);
    }
    assert_sound(pool);
    assert_int_equal(cairn_pool_statistics(pool).live, count);
    for (size_t round = 0; round < 2 * count; round++) {
        size_t i = random_below(&random, count);
        assert_stamped(objects[i], size, i);
        cairn_pool_give(pool, objects[i]);
        size_t j = random_below(&random, count);
        if (j != i) {
            assert_stamped(objects[j], size, j);
            cairn_pool_give(pool, objects[j]);
            objects[j] = cairn_pool_take(pool);
            stamp(objects[j], size, j);
        }
        objects[i] = cairn_pool_take(pool);
        stamp(objects[i], size, i);
    }
    assert_sound(pool);
    assert_int_equal(cairn_pool_statistics(pool).live, count);
    for (size_t i = 0; i < count; i++) {
        assert_stamped(objects[i], size, i);
        assert_true(cairn_pool_owns(pool, objects[i]));
        cairn_pool_give(pool, objects[i]);
        assert_false(cairn_pool_owns(pool, objects[i]));
    }
    assert_sound(pool);
    assert_int_equal(cairn_pool_statistics(pool).live, 0);
}

static void gives_objects_of_every_size(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, 2, 3, 8, 24, 64, 100, 128, 129, 1000, 8192, 8193, 100000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            struct cairn_pool pool;
            make(
                &pool, sizes[s],
                (struct cairn_pool_options){.handles = (kind & 1) != 0, .shared = (kind & 2) != 0});
            size_t size = sizes[s] == 0 ? 1 : sizes[s];
            size_t implied = size & -size;
            exercise(&pool, size, implied < 16 ? implied : 16, size > 1000 ? 50 : MANY);
            cairn_pool_destroy(&pool);
        }
    }
}

static void aligns(void **state) {
    (void)state;
    for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        struct cairn_pool pool;
        make(&pool, 40, (struct cairn_pool_options){.alignment = alignment});
        exercise(&pool, 40, alignment, 100);
        cairn_pool_destroy(&pool);
    }
}

static void refuses_what_it_cannot_do(void **state) {
    (void)state;
    struct cairn_pool pool;
    char memory[256];
    const struct cairn_pool_options odd = {.alignment = 24};
    assert_false(cairn_pool_init(&pool, 8, &odd));
    assert_int_equal(errno, EINVAL);
    assert_false(cairn_pool_init(&pool, SIZE_MAX, NULL));
    assert_int_equal(errno, EINVAL);
    assert_false(cairn_pool_init_fixed(&pool, 1000, memory, sizeof memory, NULL));
    assert_int_equal(errno, ENOMEM);
    assert_false(cairn_pool_init_fixed(&pool, 8, memory, 0, NULL));
    assert_int_equal(cairn_pool_bytes(8, 0, NULL), 0);
    assert_int_equal(cairn_pool_bytes(8, SIZE_MAX, NULL), 0);
}

/* What is free keeps its bytes: nothing of the pool's is written into it. */
static void writes_nothing_into_objects(void **state) {
    (void)state;
#ifndef __SANITIZE_ADDRESS__
    struct cairn_pool pool;
    make(&pool, 64, (struct cairn_pool_options){0});
    for (size_t i = 0; i < MANY; i++) {
        objects[i] = cairn_pool_take(&pool);
        stamp(objects[i], 64, i);
    }
    for (size_t i = 0; i < MANY; i++) {
        cairn_pool_give(&pool, objects[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_stamped(objects[i], 64, i);
    }
    for (size_t i = 0; i < MANY; i++) {
        (void)!cairn_pool_take(&pool);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_stamped(objects[i], 64, i);
    }
    cairn_pool_destroy(&pool);
#endif
}

/* --- caller memory ---------------------------------------------------------------------------- */

static void lives_in_caller_memory(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        const struct cairn_pool_options options = {
            .handles = (kind & 1) != 0, .shared = (kind & 2) != 0, .alignment = 32};
        for (size_t count = 1; count < 300; count += 37) {
            size_t bytes = cairn_pool_bytes(48, count, &options);
            unsigned char *memory = malloc(bytes + 33);
            memset(memory, 0xa5, bytes + 33);
            struct cairn_pool pool;
            assert_true(cairn_pool_init_fixed(&pool, 48, memory + 1, bytes, &options));
            size_t fit = 0;
            while (fit < MANY && (objects[fit] = cairn_pool_take(&pool)) != NULL) {
                assert_true((unsigned char *)objects[fit] > memory);
                assert_true((unsigned char *)objects[fit] + 48 <= memory + 1 + bytes);
                stamp(objects[fit], 48, fit);
                fit++;
            }
            assert_true(fit >= count && fit < count + 4);
            assert_sound(&pool);
            cairn_pool_give(&pool, objects[fit / 2]);
            assert_ptr_equal(cairn_pool_take(&pool), objects[fit / 2]);
            assert_null(cairn_pool_take(&pool));
            cairn_pool_destroy(&pool);
            assert_int_equal(memory[0], 0xa5);
            for (size_t i = bytes + 1; i < bytes + 33; i++) {
                assert_int_equal(memory[i], 0xa5);
            }
            free(memory);
        }
    }
}

/* Of small objects words are as much as the objects. */
static void holds_as_many_as_it_said(void **state) {
    (void)state;
    for (size_t size = 1; size <= 512; size *= 2) {
        const struct cairn_pool_options options = {.handles = size == 8, .shared = size == 16};
        size_t bytes = cairn_pool_bytes(size, 50000, &options);
        char *memory = malloc(bytes);
        struct cairn_pool pool;
        assert_true(cairn_pool_init_fixed(&pool, size, memory, bytes, &options));
        assert_in_range(cairn_pool_index_limit(&pool), 50000, 50000 + 100);
        cairn_pool_destroy(&pool);
        free(memory);
    }
}

/* --- growth ----------------------------------------------------------------------------------- */

static void grows_and_gives_all_back(void **state) {
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct tight_allocator tight = {.limit = SIZE_MAX};
        const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
        struct cairn_pool pool;
        make(&pool, 100,
             (struct cairn_pool_options){
                 .allocator = &allocator, .first = 10, .handles = true, .shared = shared != 0});
        exercise(&pool, 100, 4, MANY);
        assert_int_equal(cairn_pool_statistics(&pool).reserved, tight.used);
        assert_true(cairn_pool_statistics(&pool).peak >= (size_t)MANY * 100);
        assert_true(cairn_pool_statistics(&pool).peak <= (size_t)(MANY + 64) * 100);
        cairn_pool_destroy(&pool);
        assert_int_equal(tight.used, 0);
    }
}

static void keeps_to_its_limit(void **state) {
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct cairn_pool pool;
        make(&pool, 16,
             (struct cairn_pool_options){.first = 7, .most = 1001, .shared = shared != 0});
        for (size_t i = 0; i < 1001; i++) {
            objects[i] = cairn_pool_take(&pool);
            assert_non_null(objects[i]);
        }
        assert_null(cairn_pool_take(&pool));
        assert_sound(&pool);
        cairn_pool_give(&pool, objects[500]);
        assert_ptr_equal(cairn_pool_take(&pool), objects[500]);
        assert_null(cairn_pool_take(&pool));
        assert_int_equal(cairn_pool_statistics(&pool).used, 1001 * 16);
        cairn_pool_destroy(&pool);
    }
}

/* Each allocation fails in turn; the pool goes on as soon as there is memory. */
static void survives_want_of_memory(void **state) {
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        for (size_t fails_at = 0; fails_at < 8; fails_at++) {
            struct tight_allocator tight = {.limit = SIZE_MAX};
            const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
            struct cairn_pool pool;
            make(&pool, 64,
                 (struct cairn_pool_options){
                     .allocator = &allocator, .first = 64, .shared = shared != 0});
            tight.fail_from = tight.calls + 1 + fails_at;
            size_t count = 0;
            while (count < 1000 && (objects[count] = cairn_pool_take(&pool)) != NULL) {
                count++;
            }
            assert_true(fails_at < 2 ? count == 0 : count >= 64);
            assert_sound(&pool);
            tight.fail_from = 0;
            while (count < 1000) {
                objects[count] = cairn_pool_take(&pool);
                assert_non_null(objects[count++]);
            }
            assert_sound(&pool);
            cairn_pool_destroy(&pool);
            assert_int_equal(tight.used, 0);
        }
    }
}

static void resets(void **state) {
    (void)state;
    struct cairn_pool pool;
    make(&pool, 64, (struct cairn_pool_options){.handles = true});
    struct cairn_handle first = {0};
    for (size_t i = 0; i < 1000; i++) {
        void *object = cairn_pool_take(&pool);
        first = i == 0 ? cairn_pool_handle(&pool, object) : first;
    }
    size_t reserved = cairn_pool_statistics(&pool).reserved;
    cairn_pool_reset(&pool);
    assert_int_equal(cairn_pool_statistics(&pool).live, 0);
    assert_null(cairn_pool_get(&pool, first));
    assert_sound(&pool);
    exercise(&pool, 64, 16, 1000);
    assert_int_equal(cairn_pool_statistics(&pool).reserved, reserved);
    cairn_pool_destroy(&pool);
}

/* --- handles, iteration, types ---------------------------------------------------------------- */

static void catches_stale_handles(void **state) {
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct cairn_pool pool;
        make(&pool, 32,
             (struct cairn_pool_options){.handles = true, .shared = shared != 0, .first = 8});
        static struct cairn_handle handles[MANY];
        for (size_t i = 0; i < MANY; i++) {
            objects[i] = cairn_pool_take(&pool);
            handles[i] = cairn_pool_handle(&pool, objects[i]);
            assert_true(handles[i].generation != 0);
            assert_true(handles[i].index < cairn_pool_index_limit(&pool));
        }
        for (size_t i = 0; i < MANY; i++) {
            assert_ptr_equal(cairn_pool_get(&pool, handles[i]), objects[i]);
        }
        for (size_t i = 0; i < MANY; i += 2) {
            assert_true(cairn_pool_give_handle(&pool, handles[i]));
            assert_false(cairn_pool_give_handle(&pool, handles[i]));
        }
        for (size_t i = 0; i < MANY; i += 2) {
            (void)!cairn_pool_take(&pool); /* the same places, other objects */
        }
        for (size_t i = 0; i < MANY; i++) {
            assert_ptr_equal(cairn_pool_get(&pool, handles[i]), i % 2 == 0 ? NULL : objects[i]);
        }
        assert_null(cairn_pool_get(&pool, (struct cairn_handle){0}));
        assert_null(cairn_pool_get(&pool, (struct cairn_handle){UINT32_MAX, 1}));
        assert_null(cairn_pool_get(&pool, (struct cairn_handle){1U << 25, 1}));
        assert_int_equal(cairn_pool_handle(&pool, (char *)objects[1] + 1).generation, 0);
        assert_int_equal(cairn_pool_handle(&pool, handles).generation, 0);
        cairn_pool_destroy(&pool);
        assert_null(cairn_pool_get(&pool, handles[1]));
    }
}

static void goes_through_the_live(void **state) {
    (void)state;
    const size_t sizes[] = {8, 200, 20000};
    for (size_t s = 0; s < 3; s++) {
        size_t count = s == 2 ? 100 : MANY;
        struct cairn_pool pool;
        make(&pool, sizes[s], (struct cairn_pool_options){.first = 20});
        for (size_t i = 0; i < count; i++) {
            objects[i] = cairn_pool_take(&pool);
            *(size_t *)objects[i] = i;
        }
        for (size_t i = 0; i < count; i += 3) {
            cairn_pool_give(&pool, objects[i]);
        }
        struct cairn_pool_cursor cursor = {0};
        size_t met = 0;
        for (size_t *object; (object = cairn_pool_next(&pool, &cursor)) != NULL; met++) {
            assert_true(*object % 3 != 0);
            assert_ptr_equal(object, objects[*object]);
            cairn_pool_give(&pool, object); /* and not met again */
        }
        assert_int_equal(met, count - (count + 2) / 3);
        assert_int_equal(cairn_pool_statistics(&pool).live, 0);
        cairn_pool_destroy(&pool);
    }
}

struct point {
    _Alignas(64) double x;
    double y;
};
CAIRN_POOL(point_pool, struct point)

static void knows_types(void **state) {
    (void)state;
    struct point_pool points;
    assert_true(point_pool_init(&points, &(struct cairn_pool_options){.handles = true}));
    struct point *point = point_pool_take(&points);
    assert_int_equal((uintptr_t)point % 64, 0);
    point->x = 1;
    struct cairn_handle handle = point_pool_handle(&points, point);
    assert_ptr_equal(point_pool_get(&points, handle), point);
    struct cairn_pool_cursor cursor = {0};
    assert_ptr_equal(point_pool_next(&points, &cursor), point);
    point_pool_give(&points, point);
    assert_false(point_pool_give_handle(&points, handle));
    point_pool_destroy(&points);
    unsigned char memory[4096];
    assert_true(point_pool_init_fixed(&points, memory, sizeof memory, NULL));
    point_pool_give(&points, point_pool_take(&points));
    point_pool_reset(&points);
    point_pool_destroy(&points);
}

/* --- mistakes --------------------------------------------------------------------------------- */

struct mistake {
    struct cairn_pool *pool;
    void *pointer;
};

static void give_it(void *argument) {
    struct mistake *mistake = argument;
    cairn_pool_give(mistake->pool, mistake->pointer);
}

static void assert_give_dies(struct cairn_pool *pool, void *pointer, const char *text) {
    struct mistake mistake = {pool, pointer};
    assert_dies(give_it, &mistake, text);
}

static void assert_mistakes_die(struct cairn_pool *pool) {
    char *object = cairn_pool_take(pool);
    char *given = cairn_pool_take(pool);
    char local[48];
    cairn_pool_give(pool, NULL);
    cairn_pool_give(pool, given);
    assert_give_dies(pool, given, "double give of an object of 48 bytes of pool \"tried\"");
    assert_give_dies(pool, object + 8, "pointer 8 bytes into an object of 48 bytes of pool");
    assert_give_dies(pool, object + 47, "pointer 47 bytes into an object of 48 bytes");
    assert_give_dies(pool, local, "pointer that is not of pool \"tried\"");
    assert_give_dies(pool, pool, "pointer that is not of pool \"tried\"");
    assert_give_dies(pool, (void *)1, "pointer that is not of pool \"tried\"");
    assert_give_dies(pool, (void *)UINTPTR_MAX, "pointer that is not of pool \"tried\"");
    assert_give_dies(pool, object + 48 * 130, "give, before any take, of an object of 48 bytes");
    cairn_pool_give(pool, object);
    assert_give_dies(pool, object, "double give");
    assert_sound(pool);
}

static void use_destroyed(void *pool) { (void)!cairn_pool_take(pool); }

static void destroy_again(void *pool) { cairn_pool_destroy(pool); }

static void reports_mistakes(void **state) {
    (void)state;
    static char memory[65536];
    for (unsigned shared = 0; shared < 2; shared++) {
        const struct cairn_pool_options options = {
            .name = "tried", .shared = shared != 0, .alignment = 16};
        struct cairn_pool pool;
        make(&pool, 48, options);
        assert_mistakes_die(&pool);
        cairn_pool_destroy(&pool);
        assert_true(cairn_pool_init_fixed(&pool, 48, memory, sizeof memory, &options));
        assert_mistakes_die(&pool);
        cairn_pool_destroy(&pool);
        assert_dies(use_destroyed, &pool, "cairn_pool_take(0x");
        assert_dies(use_destroyed, &pool, "use of a pool that was destroyed");
        assert_dies(destroy_again, &pool, "use of a pool that was destroyed");
        assert_give_dies(&pool, memory, "use of a pool that was destroyed");
    }
}

/* Gives to the word that was given to before take a shorter way, whose division is as exact: every
 * place in the word that is no object of it is found. */
static void warm_words_know_their_objects(void **state) {
    (void)state;
    static const size_t sizes[] = {2, 7, 48, 100, 4096, 65520, 131088};
    static char memory[3 << 19];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct cairn_pool pool;
        const struct cairn_pool_options options = {.most = 10};
        assert_true(cairn_pool_init_fixed(&pool, sizes[s], memory, sizeof memory, &options));
        for (int i = 0; i < 10; i++) {
            objects[i] = cairn_pool_take(&pool);
            assert_non_null(objects[i]);
        }
        for (int i = 0; i < 2; i++) { /* large objects have a word each */
            cairn_pool_give(&pool, objects[5]);
            assert_ptr_equal(cairn_pool_take(&pool), objects[5]);
        }
        for (int i = 0; i < 4; i++) {
            cairn_pool_give(&pool, objects[i]);
        }
        char *first = objects[0];
        for (size_t i = 0; i < 4; i++) {
            assert_give_dies(&pool, objects[i], "double give");
        }
        for (size_t i = 10; i < 64; i += 9) {
            assert_give_dies(&pool, first + i * pool.stride, "pointer that is not of an unnamed");
        }
        for (size_t offset = 1; offset < 64 && offset < pool.stride; offset++) {
            assert_give_dies(&pool, first + 5 * pool.stride + offset, " bytes into an object");
            assert_give_dies(&pool, first + 6 * pool.stride - offset, " bytes into an object");
        }
        for (int i = 4; i < 10; i++) {
            cairn_pool_give(&pool, objects[i]);
        }
        assert_sound(&pool);
        cairn_pool_destroy(&pool);
    }
}

/* The checker finds what is broken on purpose. */
static void checker_finds_damage(void **state) {
    (void)state;
    struct cairn_pool pool;
    make(&pool, 64, (struct cairn_pool_options){0});
    void *object = cairn_pool_take(&pool);
    void *other = cairn_pool_take(&pool);
    assert_sound(&pool);
    const char *wrong;
    struct cairn_pool_word *word = pool.chunks[0]->words;
    word->freed = word->avail;
    assert_false(pool_holds(&pool, &wrong));
    word->freed = 1; /* free, but not listed */
    assert_false(pool_holds(&pool, &wrong));
    word->freed = 0;
    pool.capacity++;
    assert_false(pool_holds(&pool, &wrong));
    pool.capacity--;
    pool.chunks[0]->limit += 64;
    assert_false(pool_holds(&pool, &wrong));
    pool.chunks[0]->limit -= 64;
    word->base += 64;
    assert_false(pool_holds(&pool, &wrong));
    word->base -= 64;
    assert_sound(&pool);
    cairn_pool_give(&pool, object);
    cairn_pool_give(&pool, other);
    cairn_pool_destroy(&pool);
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void poisons_what_is_free(void **state) {
    (void)state;
    static char memory[65536];
    for (unsigned kind = 0; kind < 2; kind++) {
        struct cairn_pool pool;
        const struct cairn_pool_options options = {.shared = kind == 1};
        assert_true(cairn_pool_init_fixed(&pool, 64, memory, sizeof memory, &options));
        char *near[10];
        for (int i = 0; i < 10; i++) {
            near[i] = cairn_pool_take(&pool);
            assert_null(__asan_region_is_poisoned(near[i], 64));
            assert_true(__asan_address_is_poisoned(near[i] + 64));
        }
        for (int i = 0; i < 10; i++) { /* the last ones to a word that is warm by then */
            cairn_pool_give(&pool, near[i]);
            assert_true(__asan_address_is_poisoned(near[i]));
            assert_true(__asan_address_is_poisoned(near[i] + 63));
        }
        cairn_pool_destroy(&pool);
        assert_null(__asan_region_is_poisoned(memory, sizeof memory));
    }
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_objects_of_every_size),
        cmocka_unit_test(aligns),
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(writes_nothing_into_objects),
        cmocka_unit_test(lives_in_caller_memory),
        cmocka_unit_test(holds_as_many_as_it_said),
        cmocka_unit_test(grows_and_gives_all_back),
        cmocka_unit_test(keeps_to_its_limit),
        cmocka_unit_test(survives_want_of_memory),
        cmocka_unit_test(resets),
        cmocka_unit_test(catches_stale_handles),
        cmocka_unit_test(goes_through_the_live),
        cmocka_unit_test(knows_types),
        cmocka_unit_test(reports_mistakes),
        cmocka_unit_test(checker_finds_damage),
        cmocka_unit_test(warm_words_know_their_objects),
#ifdef __SANITIZE_ADDRESS__
        cmocka_unit_test(poisons_what_is_free),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
