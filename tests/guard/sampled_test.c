/* A sampled object's life: placing, contents, realloc, the queue of slots, statistics, fork,
 * threads; and what of the program's mistakes is seen, each in a child. */
#include "guard/sampled.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "core/policy.h"
#include "core/sampling.h"
#include "core/statistics.h"
#include "core/tag.h"
#include "core/threads.h"
#include "guard/slots.h"
#include "os/os.h"
#include "support/child.h"
#include "support/core.h"
#include "support/random.h"

enum { SLOTS = 16 };

static bool is_sample(const void *object) { return sampling_source_of((uintptr_t)object) != NULL; }

/* An object of the size that is a sample. */
static char *sample_of(size_t size) {
    void *others[200];
    size_t count = 0;
    char *object = take(size);
    while (!is_sample(object) && count < 200) { /* the bin had some from before */
        others[count++] = object;
        object = take(size);
    }
    while (count > 0) {
        give(others[--count]);
    }
    assert_true(is_sample(object));
    return object;
}

static int set_up(void **state) {
    (void)state;
    sampled_configure(SLOTS, 100);
    assert_int_equal(sampled_set_rate(1), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(sampled_set_rate(0), 0);
    assert_intact();
    struct slots_counts counts;
    slots_count(&counts);
    assert_int_equal(counts.live, 0);
    assert_int_equal(counts.live_bytes, 0);
    return 0;
}

static const size_t sizes[] = {0,    1,    15,    16,    17,    100,    4095,   4096,
                               4097, 5000, 16384, 16385, 60000, 131072, 300000, 500000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void test_sizes(void **state) {
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        for (int side = 0; side < 8; side++) {
            char *object = sample_of(sizes[i]);
            assert_int_equal((uintptr_t)object % GRANULE, 0);
            assert_int_equal(usable_size("malloc_usable_size", object), sizes[i]);
            memset(object, 0xff, sizes[i]);
            assert_intact();
            give(object);
        }
    }
}

static void test_both_sides_come(void **state) {
    (void)state;
    size_t page = os_page_size(), before = 0, behind = 0;
    for (int i = 0; i < 200; i++) {
        char *object = sample_of(48);
        before += (uintptr_t)object % page == 0;
        behind += ((uintptr_t)object + 48) % page == 0;
        give(object);
    }
    assert_int_equal(before + behind, 200);
    print_message("%zu of 200 behind their guard page\n", before);
    assert_true(before >= 30 && before <= 70);
}

static void test_alignments(void **state) {
    (void)state;
    for (size_t alignment = 32; alignment <= (size_t)128 << 10; alignment *= 2) {
        for (int i = 0; i < 100; i++) {
            char *object = allocate_aligned(alignment, 100);
            assert_int_equal((uintptr_t)object % alignment, 0);
            memset(object, 1, 100);
            give(object);
        }
    }
    size_t most = SLOT_STRIDE - os_page_size();
    assert_true(slot_fits(most, GRANULE) && slot_fits(most, os_page_size()));
    assert_false(slot_fits(most + 1, GRANULE));
    assert_false(slot_fits(SIZE_MAX, GRANULE));
    assert_false(slot_fits(1, SLOT_STRIDE));
    assert_true(slot_fits(most - SLOT_STRIDE / 2, SLOT_STRIDE / 2));
}

static void test_zeroed(void **state) {
    (void)state;
    for (int i = 0; i < 3 * SLOTS; i++) {
        char *object = take_zeroed(200);
        for (size_t k = 0; k < 200; k++) {
            assert_int_equal(object[k], 0);
        }
        memset(object, 1, 200);
        object = reallocate_zeroed("cairn_recalloc", object, 200, 300);
        for (size_t k = 0; k < 300; k++) {
            assert_int_equal(object[k], k < 200);
        }
        give(object);
    }
}

static void test_resizing(void **state) {
    (void)state;
    char *object = sample_of(100);
    memset(object, 7, 100);
    static const size_t steps[] = {100, 101, 5000, 400000, 2000000, 90, 50, 49};
    size_t kept = 100;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        object = resize(object, steps[i]);
        kept = steps[i] < kept ? steps[i] : kept;
        for (size_t k = 0; k < kept; k++) {
            assert_int_equal(object[k], 7);
        }
        assert_true(usable_size("malloc_usable_size", object) >= steps[i]);
        assert_intact();
    }
    give(object);
}

static void test_too_large_is_served(void **state) {
    (void)state;
    char *object = take(SLOT_STRIDE);
    assert_false(is_sample(object));
    give(object);
}

/* All slots live: requests are served as usual. */
static void test_slots_used_up(void **state) {
    (void)state;
    char *objects[4 * SLOTS];
    size_t samples = 0;
    for (size_t i = 0; i < 4 * SLOTS; i++) {
        objects[i] = take(3000);
        samples += is_sample(objects[i]);
        memset(objects[i], 3, 3000);
    }
    assert_int_equal(samples, SLOTS);
    assert_intact();
    for (size_t i = 0; i < 4 * SLOTS; i++) {
        give(objects[i]);
    }
    give(sample_of(3000));
}

/* A freed one's slot is the last of all to be used again. */
static void test_first_in_first_out(void **state) {
    (void)state;
    char *first = sample_of(16);
    const struct slot *slot = slot_at((uintptr_t)first);
    give(first);
    for (int i = 0; i < SLOTS - 1; i++) {
        char *object = sample_of(16);
        assert_ptr_not_equal(slot_at((uintptr_t)object), slot);
        give(object);
    }
    char *object = sample_of(16);
    assert_ptr_equal(slot_at((uintptr_t)object), slot);
    give(object);
}

static void test_statistics(void **state) {
    (void)state;
    struct cairn_heap_stats before, after;
    statistics_count(&before);
    char *object = sample_of(1000);
    statistics_count(&after);
    assert_int_equal(after.sampled_objects, before.sampled_objects + 1);
    assert_int_equal(after.sampled_live_bytes, before.sampled_live_bytes + 1000);
    assert_true(after.sampled_allocations > before.sampled_allocations);
    assert_int_equal(after.live_bytes,
                     after.small_live_bytes + after.large_live_bytes + after.sampled_live_bytes);
    assert_int_equal(after.allocations, after.frees + after.live_objects);
    give(take(SLOT_STRIDE));
    statistics_count(&before);
    assert_true(before.sampled_misses > after.sampled_misses);
    give(object);
}

static void test_tags_count_samples(void **state) {
    (void)state;
    static struct cairn_tag tag = CAIRN_TAG("samples");
    char *objects[SIZES];
    uint64_t bytes = 0;
    struct cairn_tag_scope scope = tag_enter(&tag);
    for (size_t i = 0; i < SIZES; i++) {
        objects[i] = take(sizes[i]);
        bytes += usable_size("malloc_usable_size", objects[i]);
    }
    tag_leave("cairn_tag_leave", &scope);
    for (size_t i = 0; i < SIZES; i++) {
        give(objects[i]);
    }
    assert_int_equal(tag.objects, SIZES);
    assert_int_equal(tag.bytes, bytes);
}

static int free_twice(void *object) {
    REQUIRE(policy_read("continue"));
    give(object);
    give(object);
    give((char *)object + 1);
    char *other = sample_of(33);
    other[33] = 1;
    give(other);
    return 0;
}

static void test_goes_on_if_told_so(void **state) {
    (void)state;
    char *object = sample_of(40);
    assert_int_equal(in_child(free_twice, object), 0);
    give(object);
}

static void test_rate_off_keeps_samples(void **state) {
    (void)state;
    char *object = sample_of(64);
    assert_int_equal(sampled_set_rate(0), 0);
    assert_false(is_sample(take(64)));
    memset(object, 1, 64);
    give(object);
}

/* --- threads and fork ------------------------------------------------------------------------- */

enum { PLACES = 32, THREADS = 3 };
static _Atomic(void *) places[PLACES];
static _Atomic(bool) forking; /* the threads go on so long, as they are to be there in each fork */

static void *busy(void *argument) {
    uint64_t random = (uintptr_t)argument;
    for (int i = 0; i < 6000 || forking; i++) {
        size_t size = 1 + random_below(&random, 3000);
        char *object = take(size);
        object[0] = object[size - 1] = 1;
        give(atomic_exchange(&places[random_below(&random, PLACES)], object));
    }
    return NULL;
}

static void start_threads(pthread_t *threads) {
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)(i + 1)), 0);
    }
}

static void end_threads(const pthread_t *threads) {
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < PLACES; i++) {
        give(atomic_exchange(&places[i], NULL));
    }
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    assert_int_equal(sampled_set_rate(3), 0);
    start_threads(threads);
    end_threads(threads);
}

static int live_on(void *argument) {
    (void)argument;
    struct checker_finding finding;
    REQUIRE(checker_run_after_fork(&finding));
    for (size_t i = 0; i < PLACES; i++) {
        give(atomic_exchange(&places[i], NULL));
    }
    struct slots_counts counts;
    for (int i = 0; i < 5 * SLOTS; i++) {
        give(take(100));
    }
    slots_count(&counts);
    uintptr_t where;
    REQUIRE(slots_problem(&where) == NULL);
    return 0;
}

static void test_fork(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    assert_int_equal(sampled_set_rate(3), 0);
    forking = true;
    start_threads(threads);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(in_child(live_on, NULL), 0);
    }
    forking = false;
    end_threads(threads);
}

static int look_at_counts(void *unused) {
    (void)unused;
    struct slots_counts counts;
    slots_count(&counts);
    REQUIRE(counts.live == 1 && counts.live_bytes == 300);
    return 0;
}

/* One that a thread which is gone was about to make live. */
static void test_fork_in_the_middle(void **state) {
    (void)state;
    char *half = sample_of(40), *whole = sample_of(300);
    struct slot *slot = slot_at((uintptr_t)half);
    atomic_store(&slot->state, SLOT_TAKING);
    assert_int_equal(in_child(look_at_counts, NULL), 0);
    atomic_store(&slot->state, SLOT_LIVE);
    give(half);
    give(whole);
}

/* --- what a checker would find ---------------------------------------------------------------- */

static void test_broken_tables_are_found(void **state) {
    (void)state;
    struct checker_finding finding;
    char *object = sample_of(40);
    struct slot *slot = slot_at((uintptr_t)object);
    slot->object -= SLOT_STRIDE;
    assert_false(checker_run(&finding));
    assert_string_equal(finding.what, "an object lies in its slot, behind the guard page");
    slot->object += SLOT_STRIDE;
    assert_intact();
    atomic_store(&slot->state, SLOT_UNUSED);
    assert_false(checker_run(&finding));
    assert_string_equal(finding.what, "each slot in no use is in the queue");
    atomic_store(&slot->state, SLOT_LIVE);
    assert_intact();
    give(object);
}

int main(void) {
    threads_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_both_sides_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_alignments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_zeroed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resizing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_large_is_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slots_used_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_in_first_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statistics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tags_count_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_if_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rate_off_keeps_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fork, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fork_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_tables_are_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
