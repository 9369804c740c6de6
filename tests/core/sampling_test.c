/* Which requests become samples: with a source that only notes them. */
#include "core/sampling.h"

#include <string.h>

#include "support/child.h"
#include "support/core.h"
#include "support/random.h"

/* A source that serves no request, so that each is counted and made as usual. */
static _Atomic(size_t) asked;
static _Atomic(size_t) asked_of_site; /* while `site` is set */
static _Atomic(size_t) last_size, last_alignment;
static __thread bool site;

static void *note(size_t size, size_t alignment) {
    asked++;
    asked_of_site += site;
    last_size = size;
    last_alignment = alignment;
    return NULL;
}
static bool find_none(uintptr_t address, size_t *usable) {
    (void)address;
    (void)usable;
    return false;
}
static void nothing(void) {}
static void nothing_after(bool in_child) { (void)in_child; }
static bool fine(struct checker_finding *finding) {
    (void)finding;
    return true;
}
static const struct sample_source source = {
    .take = note,
    .find = find_none,
    .before_fork = nothing,
    .after_fork = nothing_after,
    .check = fine,
};

static int set_up(void **state) {
    (void)state;
    sampling_register(&source);
    asked = asked_of_site = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sampling_set_rate(0);
    assert_intact();
    return 0;
}

/* Whether `count` of `requests` is what probability 1/rate gives, to five standard deviations: one
 * run in two million fails by bad luck. */
static void assert_one_in(size_t rate, size_t requests, size_t count) {
    double p = 1.0 / (double)rate, mean = (double)requests * p;
    double variance = mean * (1 - p), difference = (double)count - mean;
    print_message("one in %zu of %zu: %zu samples, %.1f expected\n", rate, requests, count, mean);
    assert_true(difference * difference <= 25 * variance + 1);
}

static void test_off(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        give(take(40));
    }
    assert_int_equal(asked, 0);
}

static void test_every_request(void **state) {
    (void)state;
    give(take(40)); /* leaves objects in the bin, which were handed out before */
    sampling_set_rate(1);
    void *objects[200];
    for (int i = 0; i < 200; i++) {
        objects[i] = take(40);
    }
    assert_true(asked >= 200 - 64);
    size_t before = asked;
    for (int i = 0; i < 200; i++) {
        give(objects[i]);
    }
    for (int i = 0; i < 200; i++) {
        objects[i] = take(40);
    }
    assert_int_equal(asked, before + 200);
    for (int i = 0; i < 200; i++) {
        give(objects[i]);
    }
}

static void test_rates(void **state) {
    (void)state;
    enum { REQUESTS = 400000 };
    static const size_t rates[] = {2, 3, 10, 64, 1000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        sampling_set_rate(rates[r]);
        assert_int_equal(sampling_rate(), rates[r]);
        asked = 0;
        for (size_t i = 0; i < REQUESTS; i++) {
            give(take(100));
        }
        assert_one_in(rates[r], REQUESTS, asked);
    }
}

static void test_large_requests(void **state) {
    (void)state;
    sampling_set_rate(20);
    for (size_t i = 0; i < 20000; i++) {
        give(take(40000));
    }
    assert_one_in(20, 20000, asked);
    assert_int_equal(last_size, 40000);
    assert_int_equal(last_alignment, GRANULE);
}

/* The sample is told what was asked for, not what it was rounded to. */
static void test_sizes_and_alignments(void **state) {
    (void)state;
    sampling_set_rate(1);
    give(allocate_aligned(256, 100));
    for (int i = 0; i < 100; i++) {
        give(allocate_aligned(256, 100));
    }
    assert_int_equal(last_size, 100);
    assert_int_equal(last_alignment, 256);
    give(allocate_aligned(1 << 20, 100));
    assert_int_equal(last_alignment, 1 << 20);
}

/* Two call sites take turns, of a size whose handful is even: with the first request of a handful
 * as the sample one of the two would never be seen. */
static void test_alternating_sites(void **state) {
    (void)state;
    enum { PAIRS = 300000 };
    sampling_set_rate(100);
    for (size_t i = 0; i < PAIRS; i++) {
        site = true;
        void *first = take(48);
        site = false;
        void *second = take(48);
        give(first);
        give(second);
    }
    assert_one_in(100, PAIRS, asked_of_site);
    assert_one_in(100, PAIRS, asked - asked_of_site);
}

/* Chi-square over size classes in a random mix: each class gets its share. */
static void test_shares_of_classes(void **state) {
    (void)state;
    enum { KINDS = 12, REQUESTS = 1200000, KEPT = 300, RATE = 100 };
    static const size_t sizes[KINDS] = {16,  32,   48,   64,   112,   256,
                                        500, 1000, 2048, 5000, 12000, 20000};
    size_t requests[KINDS] = {0}, samples[KINDS] = {0};
    void *kept[KEPT] = {0};
    uint64_t random = 7;
    sampling_set_rate(RATE);
    for (size_t i = 0; i < REQUESTS; i++) {
        size_t kind =
            random_below(&random, 4) == 0 ? random_below(&random, KINDS) : random_below(&random, 4);
        size_t before = asked;
        void **place = &kept[random_below(&random, KEPT)];
        give(*place);
        *place = take(sizes[kind]);
        requests[kind]++;
        samples[kind] += asked - before;
    }
    double chi_square = 0;
    for (size_t k = 0; k < KINDS; k++) {
        double expected = (double)requests[k] / RATE;
        double difference = (double)samples[k] - expected;
        chi_square += difference * difference / expected;
    }
    for (size_t i = 0; i < KEPT; i++) {
        give(kept[i]);
    }
    print_message("chi-square of %d classes: %.1f\n", KINDS, chi_square);
    assert_true(chi_square < 45); /* 12 degrees of freedom: one run in 100,000 is above */
}

/* Gaps are geometric: no more than 1 - 1/e of them are below the mean, and their deviation is
 * it. */
static void test_gaps(void **state) {
    (void)state;
    enum { RATE = 50, REQUESTS = 500000 };
    sampling_set_rate(RATE);
    size_t gap = 0, gaps = 0, below = 0;
    for (size_t i = 0; i < REQUESTS; i++, gap++) {
        size_t before = asked;
        give(take(64));
        if (asked != before) {
            below += gap < RATE;
            gaps++;
            gap = 0;
        }
    }
    double share = (double)below / (double)gaps;
    print_message("gaps below the mean: %.3f\n", share);
    assert_true(share > 0.60 && share < 0.67); /* 0.636; a period would give 0 or 1 */
}

static void *take_some(void *argument) {
    (void)argument;
    for (size_t i = 0; i < 100000; i++) {
        give(take(64));
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    sampling_set_rate(50);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_some, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_one_in(50, THREADS * 100000, asked);
}

/* What was in a bin and goes back was not allocated, and must not count as that. */
static void test_flushed_bins(void **state) {
    (void)state;
    enum { REQUESTS = 100000 };
    sampling_set_rate(20);
    for (size_t i = 0; i < REQUESTS; i++) {
        give(take(64));
        if (i % 5 == 0) {
            heap_flush(heap_self());
        }
    }
    assert_one_in(20, REQUESTS, asked);
}

static int first_sample_at(void *argument) {
    (void)argument;
    for (int i = 0; i < 250; i++) {
        give(take(64));
        if (asked != 0) {
            return i;
        }
    }
    return 250;
}

/* Children of one parent sample different requests. */
static void test_children_differ(void **state) {
    (void)state;
    threads_start();
    sampling_set_rate(100);
    give(take(64));
    asked = 0;
    int at[12];
    size_t same = 0;
    for (int i = 0; i < 12; i++) {
        at[i] = in_child(first_sample_at, NULL);
        same += i > 0 && at[i] == at[0];
    }
    assert_true(same < 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes_and_alignments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_alternating_sites, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shares_of_classes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gaps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flushed_bins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_children_differ, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
