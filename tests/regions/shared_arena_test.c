/* The shared arena: by one thread, by many, without memory, and by mistake. */
#include <cairn/shared_arena.h>

#include "support/dies.h"
#include "support/random.h"

enum { THREADS = 6, OBJECTS = 3000, ROUNDS = 8 };

/* Sizes up to 2 KiB, mostly small, and sometimes large ones. */
static size_t some_size(uint64_t *seed) {
    uint64_t choice = random_below(seed, 100);
    return choice < 90   ? random_below(seed, 100)
           : choice < 99 ? random_below(seed, 2000)
                         : random_below(seed, 100000);
}

struct taken {
    unsigned char *bytes;
    size_t size;
};

struct worker {
    struct cairn_shared_arena *arena;
    struct taken taken[OBJECTS];
    size_t asked;
    unsigned char number;
};

static void *take_objects(void *argument) {
    struct worker *worker = argument;
    uint64_t seed = worker->number;
    worker->asked = 0;
    for (int i = 0; i < OBJECTS; i++) {
        size_t alignment = (size_t)1 << random_below(&seed, 8);
        struct taken *taken = &worker->taken[i];
        taken->size = some_size(&seed);
        taken->bytes = cairn_shared_arena_allocate(worker->arena, taken->size, alignment);
        assert_non_null(taken->bytes);
        assert_int_equal((uintptr_t)taken->bytes % alignment, 0);
        memset(taken->bytes, worker->number, taken->size);
        worker->asked += taken->size;
    }
    return NULL;
}

static void check_objects(const struct worker *worker) {
    for (int i = 0; i < OBJECTS; i++) {
        const struct taken *taken = &worker->taken[i];
        for (size_t at = 0; at < taken->size; at++) {
            assert_int_equal(taken->bytes[at], worker->number);
        }
    }
}

static void count(void *context, const struct cairn_region_view *region) {
    if (strcmp(region->name, "shared") == 0) {
        *(int *)context += 1;
        assert_true(region->usage.used <= region->usage.reserved);
    }
}

static void test_threads(void **state) {
    (void)state;
    static struct worker workers[THREADS];
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, "shared", NULL);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        for (unsigned i = 0; i < THREADS; i++) {
            workers[i].arena = &arena;
            workers[i].number = (unsigned char)(i + 1);
            assert_int_equal(pthread_create(&threads[i], NULL, take_objects, &workers[i]), 0);
        }
        int listed = 0;
        cairn_regions_each(count, &listed);
        assert_int_equal(listed, 1);
        size_t asked = 0;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            asked += workers[i].asked;
        }
        for (int i = 0; i < THREADS; i++) {
            check_objects(&workers[i]);
        }
        struct cairn_arena_figures figures = cairn_shared_arena_statistics(&arena);
        assert_in_range(figures.used, asked, asked + (size_t)THREADS * OBJECTS * 200);
        assert_true(figures.used + figures.wasted <= figures.reserved);
        cairn_shared_arena_reset(&arena);
        assert_int_equal(cairn_shared_arena_statistics(&arena).used, 0);
        assert_true(cairn_shared_arena_statistics(&arena).peak >= asked);
    }
    cairn_shared_arena_destroy(&arena);
}

/* All threads but one come with the number of another: they share its chunks. */
static void test_more_threads_than_slots(void **state) {
    (void)state;
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, NULL, NULL);
    static struct worker workers[2 * CAIRN_SHARED_ARENA_SLOTS];
    enum { COUNT = sizeof workers / sizeof *workers };
    pthread_t threads[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        workers[i].arena = &arena;
        workers[i].number = (unsigned char)(i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, take_objects, &workers[i]), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        check_objects(&workers[i]);
    }
    cairn_shared_arena_destroy(&arena);
}

static void test_one_thread(void **state) {
    (void)state;
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, "one", NULL);
    assert_non_null(cairn_shared_arena_allocate(&arena, 0, 1));
    size_t before = cairn_shared_arena_statistics(&arena).used;
    for (int i = 0; i < 1000; i++) {
        assert_non_null(cairn_shared_arena_allocate(&arena, 20, 4));
    }
    assert_int_equal(cairn_shared_arena_statistics(&arena).used, before + 24000);
    char *text = cairn_shared_arena_resize(&arena, NULL, 0, 5, 1);
    memcpy(text, "text", 5);
    assert_ptr_equal(cairn_shared_arena_resize(&arena, text, 5, 5, 1), text);
    text = cairn_shared_arena_resize(&arena, text, 5, 50000, 1);
    assert_string_equal(text, "text");
    assert_null(cairn_shared_arena_resize(&arena, text, 50000, 0, 1));
    size_t absurd = SIZE_MAX;
    __asm__ volatile("" : "+r"(absurd));
    assert_null(cairn_shared_arena_allocate(&arena, absurd, 1));
    assert_null(cairn_shared_arena_allocate(&arena, absurd / 8, 1));
    cairn_shared_arena_destroy(&arena);
}

/* An arena of each thread over the shared one. */
static void test_below_an_arena(void **state) {
    (void)state;
    struct cairn_shared_arena shared;
    cairn_shared_arena_init(&shared, "below", NULL);
    struct cairn_allocator allocator = cairn_shared_arena_allocator(&shared);
    struct cairn_arena arena;
    cairn_arena_init(&arena, "above", &allocator);
    for (int i = 0; i < 10000; i++) {
        assert_non_null(cairn_arena_printf(&arena, "%d", i));
    }
    size_t reserved = cairn_arena_statistics(&arena).reserved;
    assert_true(cairn_shared_arena_statistics(&shared).used >= reserved);
    cairn_arena_destroy(&arena);
    cairn_shared_arena_destroy(&shared);
}

/* Refuses all chunks, or those that are larger than least. */
static void *refusing_resize(void *context, void *pointer, size_t old_size, size_t size,
                             size_t alignment) {
    return size > *(size_t *)context ? NULL
                                     : cairn_resize(NULL, pointer, old_size, size, alignment);
}

static void test_little_memory(void **state) {
    (void)state;
    size_t most = 1000;
    struct cairn_allocator allocator = {refusing_resize, &most};
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, NULL, &allocator);
    for (int i = 0; i < 1000; i++) {
        assert_non_null(cairn_shared_arena_allocate(&arena, 100, 8));
    }
    assert_null(cairn_shared_arena_allocate(&arena, 1000, 8));
    most = 0;
    int left = 0;
    while (cairn_shared_arena_allocate(&arena, 100, 8) != NULL) {
        left++;
    }
    assert_true(left < 10);
    cairn_shared_arena_destroy(&arena);
}

static void look(void *context, const struct cairn_region_view *region) {
    *(size_t *)context += region->usage.reserved;
}

/* One that lists the regions, as one that makes and closes a map for each chunk does, too. */
static void *listing_resize(void *context, void *pointer, size_t old_size, size_t size,
                            size_t alignment) {
    cairn_regions_each(look, context);
    return cairn_resize(NULL, pointer, old_size, size, alignment);
}

static void test_allocator_that_lists_regions(void **state) {
    (void)state;
    size_t seen = 0;
    struct cairn_allocator allocator = {listing_resize, &seen};
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, NULL, &allocator);
    for (int round = 0; round < 3; round++) {
        assert_non_null(cairn_shared_arena_allocate(&arena, 100, 8));
        assert_non_null(cairn_shared_arena_allocate(&arena, 100000, 8));
        assert_true(cairn_shared_arena_statistics(&arena).reserved > 100000);
        cairn_shared_arena_reset(&arena);
        assert_true(cairn_shared_arena_statistics(&arena).reserved < 100000);
        assert_int_equal(cairn_shared_arena_statistics(&arena).used, 0);
    }
    cairn_shared_arena_destroy(&arena);
    assert_true(seen > 0);
}

static void use_uninitialised(void *unused) {
    (void)unused;
    struct cairn_shared_arena arena = {.state = 0};
    void *volatile sink = cairn_shared_arena_allocate(&arena, 8, 8);
    (void)sink;
}

static void destroy_twice(void *unused) {
    (void)unused;
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, NULL, NULL);
    cairn_shared_arena_destroy(&arena);
    cairn_shared_arena_destroy(&arena);
}

static void odd_alignment(void *unused) {
    (void)unused;
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, NULL, NULL);
    size_t alignment = 12;
    __asm__ volatile("" : "+r"(alignment));
    void *volatile sink = cairn_shared_arena_allocate(&arena, 8, alignment);
    (void)sink;
}

static void test_mistakes(void **state) {
    (void)state;
    assert_dies(use_uninitialised, NULL, "use of a shared arena that is not initialised");
    assert_dies(destroy_twice, NULL, "cairn_shared_arena_destroy(0x");
    assert_dies(odd_alignment, NULL, "the alignment is not a power of two");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_more_threads_than_slots),
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_below_an_arena),
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_allocator_that_lists_regions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
