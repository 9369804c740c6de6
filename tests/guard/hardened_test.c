/* The hardened profile over the core, with the checker: what it gives, and what it finds. */
#include "guard/hardened.h"

#include <string.h>

#include "base/bits.h"
#include "core/batch.h"
#include "core/block.h"
#include "core/interceptor.h"
#include "core/large.h"
#include "core/object.h"
#include "core/statistics.h"
#include "core/threads.h"
#include "core/trim.h"
#include "guard/quarantine.h"
#include "os/os.h"
#include "support/dies.h"
#include "support/exchange.h"
#include "support/first_class.h"
#include "support/random.h"

enum { MANY = 3000, ROUNDS = 30000 };

/* --- what an object is ------------------------------------------------------------------------ */

static void sizes_are_those_asked_for(void **state) {
    (void)state;
    for (size_t size = 0; size < 40000; size += 1 + size / 13) {
        char *object = take(size);
        assert_non_null(object);
        assert_int_equal(usable(object), size);
        assert_int_equal((uintptr_t)object % GRANULE, 0);
        memset(object, 0xff, size);
        give(object);
    }
    assert_intact();
}

static void memory_reads_as_zero(void **state) {
    (void)state;
    static char *objects[500];
    for (unsigned round = 0; round < 8; round++) {
        for (size_t i = 0; i < 500; i++) {
            size_t size = 1 + i * 7;
            objects[i] = take(size);
            for (size_t at = 0; at < size; at++) {
                assert_int_equal(objects[i][at], 0);
            }
            memset(objects[i], 0x5a, size);
        }
        for (size_t i = 0; i < 500; i++) {
            give(objects[i]);
        }
    }
    assert_intact();
}

static void alignments_hold(void **state) {
    (void)state;
    for (size_t alignment = 32; alignment <= (size_t)4 << 20; alignment *= 2) {
        for (size_t size = 1; size < 100000; size = size * 3 + 1) {
            char *object = allocate_aligned(alignment, size);
            assert_int_equal((uintptr_t)object % alignment, 0);
            assert_int_equal(usable(object), size);
            memset(object, 1, size);
            give(object);
        }
    }
    assert_intact();
}

static void objects_of_no_bytes_differ(void **state) {
    (void)state;
    char *a = take(0), *b = take(0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    assert_int_equal(usable(a), 0);
    a = resize(a, 100);
    assert_int_equal(usable(a), 100);
    give(a);
    give(b);
    assert_intact();
}

static void order_can_not_be_foreseen(void **state) {
    (void)state;
    char *before = take(100);
    unsigned next = 0;
    for (unsigned i = 0; i < 1000; i++) {
        char *object = take(100);
        next += object == before + 112;
        before = object;
    }
    assert_true(next < 300); /* 1000 if they came in order */
}

static void a_freed_object_comes_again_late(void **state) {
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        void *object = take(48);
        give(object);
        for (unsigned j = 0; j < 8; j++) {
            void *other = take(48);
            assert_ptr_not_equal(other, object);
            give(other);
        }
    }
}

static void resizing_keeps_contents_and_clears_the_rest(void **state) {
    (void)state;
    uint64_t random = 1;
    char *object = take(1);
    size_t size = 1;
    object[0] = 7;
    for (unsigned i = 0; i < 500; i++) {
        size_t next = 1 + random_below(&random, i % 10 == 0 ? 200000 : 3000);
        object = reallocate_zeroed("cairn_recalloc", object, size, next);
        assert_int_equal(usable(object), next);
        assert_int_equal(object[0], 7);
        for (size_t at = size; at < next; at++) {
            assert_int_equal(object[at], 0);
        }
        if (next > 1) {
            memset(object + 1, 3, next - 1);
        }
        size = next;
    }
    give(object);
    assert_intact();
}

static bool faults(char *at);

/* Where it is, by moving pages, and back to less than half. */
static void large_objects_are_resized_between_their_guards(void **state) {
    (void)state;
    static const size_t sizes[] = {1500000, 1506000, 1580001, 6000000,  6000001, 9000000,
                                   2000000, 2000000, 1100000, 30000000, 3000000, 50000};
    char *objects[3];
    size_t size = 1400000;
    for (size_t i = 0; i < 3; i++) {
        objects[i] = take(size);
        memset(objects[i], 1 + (int)i, size);
    }
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        size_t kept = sizes[n] < size ? sizes[n] : size;
        for (size_t i = 0; i < 3; i++) {
            char *object = reallocate_zeroed("cairn_recalloc", objects[i], size, sizes[n]);
            assert_int_equal(usable(object), sizes[n]);
            for (size_t at = 0; at < sizes[n]; at += 1 + at % 97) {
                assert_int_equal(object[at], at < kept ? 1 + (char)i : 0);
            }
            assert_true(faults(object - 1));
            assert_true(faults(object + round_up(sizes[n], os_page_size())));
            memset(object, 1 + (int)i, sizes[n]);
            objects[i] = object;
        }
        size = sizes[n];
        assert_true(hardened_check("check"));
        assert_intact();
    }
    for (size_t i = 0; i < 3; i++) {
        give(objects[i]);
    }
    (void)trim();
    assert_intact();
}

static void what_waits_is_not_live(void **state) {
    (void)state;
    static struct cairn_heap_stats before, full, after;
    static void *objects[220];
    statistics_count(&before);
    for (size_t i = 0; i < 220; i++) {
        objects[i] = take(i < 200 ? 1000 : 40000);
    }
    statistics_count(&full);
    for (size_t i = 0; i < 220; i++) {
        give(objects[i]);
    }
    statistics_count(&after);
    assert_int_equal(full.live_objects, before.live_objects + 220);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(after.live_bytes, before.live_bytes);
    assert_int_equal(after.transit_bytes, 0);
    assert_int_equal(after.allocations, after.frees + after.live_objects);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void threads_free_each_others_objects(void **state) {
    (void)state;
    pthread_t threads[4];
    struct exchange exchanges[4];
    for (unsigned i = 0; i < 4; i++) {
        exchanges[i] = (struct exchange){i + 1, ROUNDS};
        assert_int_equal(pthread_create(&threads[i], NULL, exchange, &exchanges[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
    empty_places();
    (void)trim();
    assert_intact();
}

static void anybody_may_look_meanwhile(void **state) {
    (void)state;
    look_while_threads_come_and_go(25, 100, NULL);
}

static void objects_of_a_heap_stay_in_it(void **state) {
    (void)state;
    assert_heaps_keep_their_objects();
}

static void forks_go_on(void **state) {
    (void)state;
    assert_forks_go_on(10, (struct fork){ROUNDS, NULL});
}

/* --- what is found ---------------------------------------------------------------------------- */

struct mistake {
    size_t size;
    ptrdiff_t at;
    char value;
};

static void write_behind(void *argument) {
    const struct mistake *mistake = argument;
    char *object = take(mistake->size);
    object[mistake->at] = mistake->value;
    give(object);
}

static void a_write_behind_an_object_is_found(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 8, 23, 24, 100, 1000, 4096, 16000, 20000, 262145};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct mistake mistake = {sizes[i], (ptrdiff_t)sizes[i], 0};
        assert_dies(write_behind, &mistake, "changed behind an object of");
    }
    /* The canary's length is gone too. */
    assert_dies(write_behind, &(struct mistake){24, 31, 0},
                "changed behind an object of size class 32");
    /* Far behind it, where the canary is zero. */
    assert_dies(write_behind, &(struct mistake){12300, 12800, 1},
                "1 byte was changed behind an object of 12300 bytes, from offset 12800 on");
}

static void write_after_free(void *argument) {
    const struct mistake *mistake = argument;
    static char *neighbours[MANY];
    for (size_t i = 0; i < MANY; i++) {
        neighbours[i] = take(mistake->size); /* they stay, and so does the slab */
    }
    char *object = neighbours[MANY / 2];
    give(object);
    object[mistake->at] = 1;
    for (size_t i = 0; i < 1000; i++) {
        give(take(mistake->size + 200)); /* what waits is released */
    }
    for (size_t i = 0; i < MANY; i++) {
        (void)take(mistake->size); /* all that is free of its class is used up */
    }
}

static void release_what_waits(void) {
    for (size_t i = 0; i < 1000; i++) {
        give(take(8));
    }
}

/* The object's slab goes before the object comes again. */
static void write_before_release(void *argument) {
    const struct mistake *mistake = argument;
    static char *objects[MANY];
    for (size_t i = 0; i < MANY; i++) {
        objects[i] = take(mistake->size);
    }
    give(objects[0]);
    objects[0][mistake->at] = 1;
    for (size_t i = 1; i < MANY; i++) {
        give(objects[i]);
    }
    release_what_waits();
    (void)trim();
}

static void a_write_after_free_is_found_when_the_object_comes_again_or_goes(void **state) {
    (void)state;
    for (size_t size = 16; size <= 1024; size *= 4) {
        struct mistake mistake = {size, (ptrdiff_t)size / 2, 1};
        if (size <= 64) { /* one free object is not worth going to a slab of larger ones */
            assert_dies(write_after_free, &mistake,
                        "1 byte was changed after the free of an object");
        }
        assert_dies(write_before_release, &mistake,
                    "1 byte was changed after the free of an object");
    }
}

/* A slab of which all pages but the first were given to the kernel, and one object there is live:
 * returns that. */
static char *slab_with_holes(size_t size) {
    static char *objects[MANY];
    char *last = NULL;
    for (size_t i = 0; i < MANY; i++) {
        objects[i] = take(size);
    }
    struct chunk *slab = chunk_of((uintptr_t)objects[MANY / 2]);
    for (size_t i = 0; i < MANY; i++) {
        if (chunk_of((uintptr_t)objects[i]) == slab) {
            bool is_last = (uintptr_t)objects[i] == slab->start;
            last = is_last ? objects[i] : last;
            if (!is_last) {
                give(objects[i]);
            }
        }
    }
    assert_non_null(last);
    release_what_waits();
    size_t page = os_page_size();
    assert_true(os_purge((void *)(slab->start + page), CHUNK_SIZE - page));
    slab->purged = (uint8_t)(low_mask((unsigned)(CHUNK_SIZE / page)) & ~UINT64_C(1));
    return last;
}

static void write_where_pages_were(void *unused) {
    (void)unused;
    char *last = slab_with_holes(512);
    last[5 * 512 + (CHUNK_SIZE / 2)] = 1;
    give(last);
    release_what_waits();
    (void)trim();
}

static void pages_that_were_given_back_stay_away(void **state) {
    (void)state;
    size_t page = os_page_size();
    char *last = slab_with_holes(512);
    give(last);
    release_what_waits();
    assert_false(chunk_is(chunk_of((uintptr_t)last), CHUNK_SLAB));
    assert_int_equal(os_resident_bytes(last + page, CHUNK_SIZE - page), 0);
    assert_dies(write_where_pages_were, NULL, "1 byte was changed after the free of an object");
}

static void free_twice(void *argument) {
    size_t size = *(size_t *)argument;
    void *object = take(size);
    give(object);
    give(object);
}

static void free_twice_late(void *argument) {
    size_t size = *(size_t *)argument;
    void *object = take(size);
    give(object);
    release_what_waits();
    give(object);
}

static void free_twice_elsewhere(void *argument) {
    size_t size = *(size_t *)argument;
    void *object = take(size);
    give(object);
    give_remotely(object);
}

static void a_double_free_is_found(void **state) {
    (void)state;
    for (size_t size = 0; size < 10000; size = size * 3 + 7) {
        assert_dies(free_twice, &size, "double free of an object of size class");
        assert_dies(free_twice_late, &size, "double free of an object of size class");
        assert_dies(free_twice_elsewhere, &size, "double free of an object of size class");
    }
    assert_dies(free_twice, &(size_t){100000}, "pointer into memory that was released");
}

static void free_inside(void *argument) { give((char *)take(*(size_t *)argument) + 16); }

static void pointers_into_objects_are_found(void **state) {
    (void)state;
    assert_dies(free_inside, &(size_t){100}, "pointer 16 bytes into an object of size class 112");
    assert_dies(free_inside, &(size_t){100000}, "pointer 16 bytes into a large object of 100000");
}

static int touch(void *at) {
    (void)signal(SIGSEGV, SIG_DFL);
    *(volatile char *)at = 1;
    return 0;
}

static bool faults(char *at) {
    int status = in_child(touch, at);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void guards_are_untouchable(void **state) {
    (void)state;
    size_t page = os_page_size();
    char *large = take(5 * page * 16);
    assert_true(faults(large - 1));
    assert_true(faults(large + 5 * page * 16));
    assert_false(faults(large));
    give(large);
    assert_true(faults(large));
    char *empty = take(0);
    assert_true(faults(empty));
    give(empty);
}

static unsigned count_guarded(void *const *objects, size_t count) {
    unsigned guarded = 0;
    uintptr_t last = 0;
    for (size_t i = 0; i < count; i++) {
        uintptr_t start = round_down((uintptr_t)objects[i], CHUNK_SIZE);
        struct chunk *slab = chunk_of(start);
        if (start != last && slab->capacity != slab_class(slab)->capacity) {
            guarded++;
            assert_true(faults((char *)start + CHUNK_SIZE - 1));
            assert_true(faults((char *)start + CHUNK_SIZE - os_page_size()));
            assert_false(faults((char *)start + (slab->capacity * slab_class(slab)->size - 1)));
        }
        last = start;
    }
    return guarded;
}

/* They stay when the pages around them are given back, and go with their slab. */
static void some_slabs_end_in_a_guard_page(void **state) {
    (void)state;
    enum { OBJECTS = 6000 };
    static void *objects[OBJECTS];
    (void)trim(); /* they are on clean memory then */
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = take(1000);
    }
    assert_intact();
    unsigned guarded = count_guarded(objects, OBJECTS); /* of some 200 slabs */
    print_message("%u slabs end in a guard page\n", guarded);
    if (guarded == 0) {
        skip(); /* this kernel has none */
    }
    assert_true(guarded > 15 && guarded < 150);
    void *kept[OBJECTS / 30];
    for (size_t i = 0; i < OBJECTS; i++) {
        if (i % 30 == 0) {
            kept[i / 30] = objects[i];
        } else {
            give(objects[i]);
        }
    }
    (void)trim();
    assert_intact();
    assert_true(count_guarded(kept, OBJECTS / 30) > 10);
    for (size_t i = 0; i < OBJECTS / 30; i++) {
        give(kept[i]);
    }
    (void)trim();
    for (size_t size = 16; size < 600000; size *= 4) { /* nothing is left where they were */
        for (size_t i = 0; i < 60; i++) {
            give(memset(take(size), 1, size));
        }
    }
    assert_intact();
}

/* Whatever is freed: a report or nothing, and never a heap that is not in order. */
static int free_anything(void *argument) {
    (void)signal(SIGABRT, SIG_DFL);
    uint64_t random = (uintptr_t)argument;
    char *small = take(200), *large = take(200000);
    char *const bases[] = {
        small, large, take(0), (char *)&random, (char *)chunk_of((uintptr_t)small), NULL};
    uintptr_t base = (uintptr_t)bases[random_below(&random, 6)];
    REQUIRE(freopen("/dev/null", "w", stderr) != NULL);
    uintptr_t offset = random_below(&random, 1000) * (random % 2 == 0 ? 16 : 1);
    give((void *)(base + offset - 4096 * (random % 3)));
    struct checker_finding finding;
    return checker_run(&finding) ? 0 : 1;
}

static void any_pointer_may_be_freed(void **state) {
    (void)state;
    for (uintptr_t i = 1; i < 300; i++) {
        int status = in_child(free_anything, (void *)i);
        assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) || status == 0);
    }
}

int main(void) {
    threads_start();        /* forks are among the tests */
    char *early = take(40); /* of before the profile began */
    char *early_large = take(100000);
    hardened_start();
    give(early);
    give(resize(early_large, 200000));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_asked_for),
        cmocka_unit_test(memory_reads_as_zero),
        cmocka_unit_test(alignments_hold),
        cmocka_unit_test(objects_of_no_bytes_differ),
        cmocka_unit_test(order_can_not_be_foreseen),
        cmocka_unit_test(a_freed_object_comes_again_late),
        cmocka_unit_test(resizing_keeps_contents_and_clears_the_rest),
        cmocka_unit_test(large_objects_are_resized_between_their_guards),
        cmocka_unit_test(what_waits_is_not_live),
        cmocka_unit_test(threads_free_each_others_objects),
        cmocka_unit_test(anybody_may_look_meanwhile),
        cmocka_unit_test(objects_of_a_heap_stay_in_it),
        cmocka_unit_test(forks_go_on),
        cmocka_unit_test(a_write_behind_an_object_is_found),
        cmocka_unit_test(a_write_after_free_is_found_when_the_object_comes_again_or_goes),
        cmocka_unit_test(pages_that_were_given_back_stay_away),
        cmocka_unit_test(a_double_free_is_found),
        cmocka_unit_test(pointers_into_objects_are_found),
        cmocka_unit_test(guards_are_untouchable),
        cmocka_unit_test(some_slabs_end_in_a_guard_page),
        cmocka_unit_test(any_pointer_may_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
