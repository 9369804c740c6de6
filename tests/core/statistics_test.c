/* Statistics against what the test itself counts; the peak; trimming. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fast.h"
#include "core/object.h"
#include "core/statistics.h"
#include "core/trim.h"

static void slow(void *pointer) { free_slow("free", pointer); }

static void *take(size_t size) {
    void *object = fast_allocate(size);
    assert_non_null(object);
    return object;
}

static void give(void *object) { fast_free(object, slow); }

static size_t live_in(const struct statistics *statistics, size_t size) {
    return statistics->classes[class_of(size)].live_objects;
}

/* --- sums ------------------------------------------------------------------------------------- */

static void check_sums(const struct statistics *s) {
    size_t live = 0, slab_bytes = 0;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        const struct class_statistics *class = &s->classes[c];
        assert_int_equal(class->object_bytes, size_classes[c].size);
        assert_int_equal(class->live_bytes, class->live_objects * class->object_bytes);
        assert_int_equal(class->slab_bytes, class->slabs * CHUNK_SIZE);
        assert_int_equal(class->live_objects + class->free_objects,
                         class->slabs * size_classes[c].capacity);
        live += class->live_bytes;
        slab_bytes += class->slab_bytes;
    }
    assert_int_equal(s->small_bytes, live);
    assert_int_equal(s->slab_bytes, slab_bytes);
    assert_int_equal(s->free_bytes, slab_bytes - live);
    assert_int_equal(s->live_bytes, live + s->large.bytes);
    assert_true(s->large.bytes <= s->large.chunk_bytes);
    assert_int_equal(s->taken_bytes, slab_bytes + s->large.chunk_bytes);
    assert_true(s->taken_bytes <= s->taken_peak_bytes);
    assert_true(s->taken_bytes + s->dirty_bytes <= s->committed_bytes);
    assert_true(s->committed_bytes <= s->reserved_bytes);
}

static void an_empty_heap_is_all_zero(void **state) {
    (void)state;
    struct statistics s;
    statistics_take(&s);
    check_sums(&s);
    assert_int_equal(s.live_bytes, 0);
    assert_int_equal(s.reserved_bytes, 0);
    assert_int_equal(s.heaps.active, 0);
}

/* --- objects are counted ---------------------------------------------------------------------- */

static void every_class_is_counted(void **state) {
    (void)state;
    enum { OBJECTS = 3000, MOST = 40000 };
    static void *object[OBJECTS];
    static size_t size[OBJECTS];
    struct statistics before, with, after;
    statistics_take(&before);
    size_t expected[CLASS_COUNT] = {0};
    size_t large_objects = 0, large_bytes = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        size[i] = i * 7919 % MOST;
        object[i] = take(size[i]);
        if (size[i] <= SLAB_MAX) {
            expected[class_of(size[i])]++;
        } else {
            large_objects++;
            large_bytes += usable_size("test", object[i]);
        }
    }
    statistics_take(&with);
    check_sums(&with);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        assert_int_equal(with.classes[c].live_objects - before.classes[c].live_objects,
                         expected[c]);
    }
    assert_int_equal(with.large.objects - before.large.objects, large_objects);
    assert_int_equal(with.large.bytes - before.large.bytes, large_bytes);
    assert_true(with.heaps.active == 1);
    for (size_t i = 0; i < OBJECTS; i++) {
        give(object[i]);
    }
    statistics_take(&after);
    check_sums(&after);
    assert_int_equal(after.live_bytes, before.live_bytes);
    assert_true(after.heaps.bin_objects > 0);
}

static void *free_half(void *argument) {
    void **object = argument;
    for (size_t i = 0; i < 1000; i += 2) {
        give(object[i]);
    }
    return NULL;
}

/* Freed by another thread is free, though the owner has not merged it. */
static void remote_frees_count_as_free(void **state) {
    (void)state;
    static void *object[1000];
    struct statistics before, after;
    for (size_t i = 0; i < 1000; i++) {
        object[i] = take(80);
    }
    statistics_take(&before);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_half, object), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    statistics_take(&after);
    check_sums(&after);
    assert_int_equal(live_in(&before, 80) - live_in(&after, 80), 500);
    for (size_t i = 1; i < 1000; i += 2) {
        give(object[i]);
    }
}

/* --- while others work ------------------------------------------------------------------------ */

static _Atomic(bool) stop;

static void *churn(void *argument) {
    uint64_t random = (uintptr_t)argument;
    void *object[64] = {NULL};
    while (!atomic_load(&stop)) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        void **slot = &object[random >> 58];
        if (*slot != NULL) {
            give(*slot);
        }
        *slot = take((random >> 32) % 50000);
    }
    for (size_t i = 0; i < 64; i++) {
        if (object[i] != NULL) {
            give(object[i]);
        }
    }
    return NULL;
}

static void they_may_be_taken_while_others_work(void **state) {
    (void)state;
    pthread_t thread[2];
    struct statistics s;
    atomic_store(&stop, false);
    for (uintptr_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
    }
    do {
        statistics_take(&s);
    } while (s.heaps.active < 3);
    for (int i = 0; i < 300; i++) {
        statistics_take(&s);
        assert_true(s.live_bytes <= s.committed_bytes);
        assert_true(s.live_bytes <= 2 * 64 * (size_t)65536 + 1000000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    statistics_take(&s);
    check_sums(&s);
    assert_int_equal(s.heaps.parked, 2);
}

/* --- the peak --------------------------------------------------------------------------------- */

static void grow_and_shrink(size_t size, size_t objects) {
    void **object = calloc(objects, sizeof *object);
    assert_non_null(object);
    for (size_t i = 0; i < objects; i++) {
        object[i] = take(size);
    }
    for (size_t i = 0; i < objects; i++) {
        give(object[i]);
    }
    free(object);
}

static void the_peak_is_found(void **state) {
    (void)state;
    struct statistics now, peak;
    statistics_take(&now);
    statistics_follow_peak();
    grow_and_shrink(64, 400000);
    statistics_peak(&peak);
    size_t expected = now.live_bytes + 64 * (size_t)400000;
    assert_true(peak.live_bytes <= expected);
    assert_true(peak.live_bytes >= expected - expected / 12);
    assert_int_equal(peak.live_bytes, peak.small_bytes + peak.large.bytes);
    /* One large object: the peak is there at once. */
    grow_and_shrink((size_t)100 << 20, 1);
    statistics_peak(&peak);
    assert_int_equal(peak.large.objects - now.large.objects, 1);
    assert_int_equal(peak.live_bytes - now.live_bytes, (size_t)100 << 20);
    /* A lower hill does not change it. */
    struct statistics again;
    grow_and_shrink(1000, 1000);
    statistics_peak(&again);
    assert_int_equal(again.live_bytes, peak.live_bytes);
    assert_true(statistics_metadata_bytes() > 0);
}

/* --- trimming --------------------------------------------------------------------------------- */

static void trimming_gives_back_pages_inside_slabs(void **state) {
    (void)state;
    enum { OBJECTS = 50000, RUN = 200 };
    static char *object[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        object[i] = take(208);
        memset(object[i], (int)(i % 251), 208);
    }
    (void)trim();
    for (size_t i = 0; i < OBJECTS; i++) {
        if (i % RUN >= 20) {
            give(object[i]);
        }
    }
    size_t freed = OBJECTS / RUN * (RUN - 20) * (size_t)208;
    size_t given = trim();
    assert_true(given >= freed / 10 * 7);
    assert_true(given <= freed);
    for (size_t i = 0; i < OBJECTS; i += i % RUN == 19 ? RUN - 19 : 1) {
        for (size_t b = 0; b < 208; b++) {
            assert_int_equal((unsigned char)object[i][b], i % 251);
        }
    }
    assert_int_equal(trim(), 0);
    for (size_t i = 0; i < OBJECTS; i += i % RUN == 19 ? RUN - 19 : 1) {
        give(object[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_is_all_zero),
        cmocka_unit_test(every_class_is_counted),
        cmocka_unit_test(remote_frees_count_as_free),
        cmocka_unit_test(they_may_be_taken_while_others_work),
        cmocka_unit_test(the_peak_is_found),
        cmocka_unit_test(trimming_gives_back_pages_inside_slabs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
