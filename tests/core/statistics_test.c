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
#include "core/slab.h"
#include "core/statistics.h"
#include "core/trim.h"
#include "os/os.h"

static void slow(void *pointer) { free_slow("free", pointer); }

static void *take(size_t size) {
    void *object = fast_allocate(size);
    assert_non_null(object);
    return object;
}

static void give(void *object) { fast_free(object, slow); }

static size_t live_in(const struct cairn_heap_stats *statistics, size_t size) {
    return statistics->classes[class_of(size)].live_objects;
}

/* --- sums ------------------------------------------------------------------------------------- */

static void check_class(const struct cairn_class_stats *class, unsigned c) {
    assert_int_equal(class->object_bytes, size_classes[c].size);
    assert_int_equal(class->live_bytes, class->live_objects * class->object_bytes);
    assert_int_equal(class->free_bytes, class->free_objects * class->object_bytes);
    unsigned chunks = size_classes[c].chunks;
    uint64_t more = class->slab_bytes / CHUNK_SIZE - class->slabs;
    uint64_t wide = chunks > 1 ? more / (chunks - 1) : 0;
    uint64_t narrow = class->slabs - wide;
    assert_int_equal(class->slab_bytes, (narrow + wide * chunks) * CHUNK_SIZE);
    assert_int_equal(class->slab_bytes, class->live_bytes + class->free_bytes + class->end_bytes);
    assert_int_equal(class->live_objects + class->free_objects,
                     narrow * slab_whole_capacity(c, 1) + wide * slab_whole_capacity(c, chunks));
    assert_true(class->ready_objects + class->unmerged_objects <= class->free_objects);
    assert_true(class->largest_free_bytes <= class->free_bytes);
    assert_true(class->resident_bytes <= class->slab_bytes);
    assert_int_equal(class->resident_bytes % os_page_size(), 0);
    assert_true(class->live_resident_bytes <= class->live_bytes);
    assert_true(class->pinned_bytes <= class->free_bytes);
    assert_true(class->live_resident_bytes + class->pinned_bytes <= class->resident_bytes);
}

/* What holds by construction, whatever other threads do. */
static void check_sums(const struct cairn_heap_stats *s) {
    uint64_t live = 0, slab_bytes = 0, free_bytes = 0, end_bytes = 0, kept = 0;
    assert_int_equal(s->version, CAIRN_STATS_VERSION);
    assert_int_equal(s->class_count, CLASS_COUNT);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        const struct cairn_class_stats *class = &s->classes[c];
        check_class(class, c);
        live += class->live_bytes;
        slab_bytes += class->slab_bytes;
        free_bytes += class->free_bytes;
        end_bytes += class->end_bytes;
    }
    for (int reason = 0; reason < CAIRN_REASON_COUNT; reason++) {
        kept += s->kept_bytes[reason];
    }
    assert_int_equal(s->small_live_bytes, live);
    assert_int_equal(s->slab_bytes, slab_bytes);
    assert_int_equal(s->free_bytes, free_bytes);
    assert_int_equal(s->end_bytes, end_bytes);
    assert_int_equal(s->live_bytes, live + s->large_live_bytes);
    assert_int_equal(s->available_bytes,
                     s->free_bytes + s->spare_bytes + s->dirty_bytes + s->clean_bytes);
    assert_true(s->largest_free_bytes <= s->available_bytes);
    assert_true(s->large_live_bytes <= s->large_chunk_bytes);
    assert_int_equal(s->mapped_bytes, s->slab_bytes + s->large_chunk_bytes + s->spare_bytes +
                                          s->transit_bytes + s->dirty_bytes + s->clean_bytes);
    assert_true(s->mapped_bytes <= s->reserved_bytes);
    assert_int_equal(s->fragmentation_bytes,
                     s->kept_bytes[CAIRN_PINNED] + s->kept_bytes[CAIRN_END]);
    assert_int_equal(s->fragmentation_bytes + s->cached_bytes, kept);
    assert_int_equal(s->heap_resident_bytes, s->live_resident_bytes + kept);
    assert_true(s->heap_resident_bytes <= s->mapped_bytes);
    assert_int_equal(s->heap_resident_bytes % os_page_size(), 0); /* no part of a page is missed */
}

/* What holds besides while nobody else is at work. */
static void check_quiet(const struct cairn_heap_stats *s) {
    check_sums(s);
    assert_int_equal(s->transit_bytes, 0);
    assert_int_equal(s->kept_bytes[CAIRN_TRANSIT], 0);
    assert_int_equal(s->allocations, s->frees + s->live_objects);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        const struct cairn_class_stats *class = &s->classes[c];
        assert_int_equal(class->allocations, class->frees + class->live_objects);
    }
    assert_true(s->slab_bytes + s->large_chunk_bytes <= s->taken_peak_bytes);
}

/* ... and the process has no more memory than it had a moment ago. */
static void check_resident(const struct cairn_heap_stats *s) {
    assert_int_equal(s->resident_bytes,
                     s->heap_resident_bytes + s->metadata_bytes + s->outside_bytes);
    assert_true(s->outside_bytes > 0);
    assert_true(s->metadata_bytes <= s->metadata_mapped_bytes);
}

static void an_empty_heap_is_all_zero(void **state) {
    (void)state;
    struct cairn_heap_stats s;
    statistics_take(&s);
    check_quiet(&s);
    check_resident(&s);
    assert_int_equal(s.live_bytes, 0);
    assert_int_equal(s.reserved_bytes, 0);
    assert_int_equal(s.metadata_bytes, 0);
    assert_int_equal(s.active_heaps, 0);
}

/* --- objects are counted ---------------------------------------------------------------------- */

static void every_class_is_counted(void **state) {
    (void)state;
    enum { OBJECTS = 3000, MOST = 40000 };
    static void *object[OBJECTS];
    static size_t size[OBJECTS];
    struct cairn_heap_stats before, with, after;
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
    check_quiet(&with);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        assert_int_equal(with.classes[c].live_objects - before.classes[c].live_objects,
                         expected[c]);
    }
    assert_int_equal(with.large_objects - before.large_objects, large_objects);
    assert_int_equal(with.large_live_bytes - before.large_live_bytes, large_bytes);
    assert_true(with.active_heaps == 1);
    assert_true(with.ready_objects > 0);
    for (size_t i = 0; i < OBJECTS; i++) {
        give(object[i]);
    }
    statistics_take(&after);
    check_quiet(&after);
    assert_int_equal(after.live_bytes, before.live_bytes);
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
    struct cairn_heap_stats before, after;
    for (size_t i = 0; i < 1000; i++) {
        object[i] = take(80);
    }
    statistics_take(&before);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_half, object), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    statistics_take(&after);
    check_quiet(&after);
    assert_int_equal(live_in(&before, 80) - live_in(&after, 80), 500);
    for (size_t i = 1; i < 1000; i += 2) {
        give(object[i]);
    }
}

/* --- totals ----------------------------------------------------------------------------------- */

enum { ROUND = 3000 };

static void *take_and_give(void *argument) {
    void **object = argument;
    for (size_t i = 0; i < ROUND; i++) {
        void *mine = take(i * 31 % 40000);
        give(mine);
        give(object[i]); /* the main thread's */
    }
    return NULL;
}

/* Exact, though no fast path counts: also of frees by other threads, of threads that have ended,
 * and after bins were emptied. */
static void allocations_and_frees_are_exact(void **state) {
    (void)state;
    static void *object[ROUND];
    struct cairn_heap_stats before, after;
    statistics_take(&before);
    for (size_t i = 0; i < ROUND; i++) {
        object[i] = take(i * 7 % 20000);
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_and_give, object), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    statistics_take(&after);
    check_quiet(&after);
    assert_int_equal(after.allocations - before.allocations, 2 * ROUND);
    assert_int_equal(after.frees - before.frees, 2 * ROUND);
    size_t small = 0, large = 0;
    for (size_t i = 0; i < ROUND; i++) {
        small += i * 7 % 20000 <= SLAB_MAX;
        large += i * 31 % 40000 > SLAB_MAX;
    }
    assert_int_equal(after.large_allocations - before.large_allocations, ROUND - small + large);
    assert_int_equal(after.remote_frees - before.remote_frees, small);
    (void)trim();
    statistics_take(&after);
    check_quiet(&after);
    assert_int_equal(after.allocations - before.allocations, 2 * ROUND);
}

/* --- rounding --------------------------------------------------------------------------------- */

/* One byte more than a class has, and a full one: the estimate is right, the bound holds. */
static void rounding_is_estimated(void **state) {
    (void)state;
    enum { OBJECTS = 5000 };
    static void *object[OBJECTS];
    struct cairn_heap_stats before, after;
    statistics_take(&before);
    for (size_t i = 0; i < OBJECTS; i++) {
        object[i] = take(i % 2 == 0 ? 1153 : 1600); /* of 1280 and of 1664 bytes */
    }
    statistics_take(&after);
    unsigned c = class_of(1153), d = class_of(1600);
    assert_int_equal(size_classes[c].size, 1280);
    assert_int_equal(size_classes[d].size, 1664);
    assert_int_equal(after.classes[c].rounding_bytes, (uint64_t)OBJECTS / 2 * (1280 - 1153));
    assert_int_equal(after.classes[c].rounding_max_bytes, (uint64_t)OBJECTS / 2 * (1280 - 1153));
    assert_int_equal(after.classes[d].rounding_bytes, (uint64_t)OBJECTS / 2 * (1664 - 1600));
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        assert_true(after.classes[i].rounding_bytes <= after.classes[i].rounding_max_bytes);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        give(object[i]);
    }
}

/* --- reasons ---------------------------------------------------------------------------------- */

enum { PAGE_OBJECTS = 8 * 64 }; /* of 4 KiB, which is a class: 64 slabs full of pages */
static char *page_object[PAGE_OBJECTS];

static void take_pages(void) {
    for (size_t i = 0; i < PAGE_OBJECTS; i++) {
        page_object[i] = take(4096);
        memset(page_object[i], 1, 4096);
    }
}

/* What every page that is free and resident is called. */
static void every_free_page_has_a_reason(void **state) {
    (void)state;
    if (os_page_size() != 4096) {
        skip();
    }
    struct cairn_heap_stats full, sparse, freed, purged;
    (void)trim();
    take_pages();
    statistics_take(&full);
    check_resident(&full);
    for (size_t i = 0; i < PAGE_OBJECTS; i++) {
        if (i % 8 != 0) {
            give(page_object[i]);
        }
    }
    statistics_take(&sparse);
    check_quiet(&sparse);
    uint64_t given = sparse.kept_bytes[CAIRN_HOLE] + sparse.kept_bytes[CAIRN_READY] -
                     full.kept_bytes[CAIRN_HOLE] - full.kept_bytes[CAIRN_READY];
    given += sparse.purged_bytes - full.purged_bytes; /* while they were freed */
    assert_int_equal(given, PAGE_OBJECTS / 8 * 7 * 4096);
    assert_int_equal(full.live_resident_bytes - sparse.live_resident_bytes, given);
    assert_int_equal(sparse.classes[class_of(4096)].pinned_bytes, 0);
    assert_int_equal(sparse.classes[class_of(4096)].largest_free_bytes, 7 * 4096);
    for (size_t i = 0; i < PAGE_OBJECTS; i += 8) {
        give(page_object[i]);
    }
    statistics_take(&freed);
    check_quiet(&freed);
    assert_true(freed.kept_bytes[CAIRN_DIRTY] <= freed.dirty_bytes);
    assert_true(freed.dirty_bytes > 0);
    (void)trim();
    statistics_take(&purged);
    check_quiet(&purged);
    assert_int_equal(purged.kept_bytes[CAIRN_DIRTY], 0);
    assert_int_equal(purged.dirty_bytes, 0);
    assert_int_equal(purged.kept_bytes[CAIRN_HOLE], 0);
    assert_true(purged.purged_bytes > full.purged_bytes);
}

/* A slab that its bin keeps though it is empty, and one made from a chunk that was used. */
static void empty_and_fresh_are_told_apart(void **state) {
    (void)state;
    if (os_page_size() != 4096) {
        skip();
    }
    enum { OBJECTS = 12 }; /* a slab of eight pages, and four of another one, which comes whole */
    static char *object[OBJECTS];
    struct cairn_heap_stats before, freed, used_again;
    (void)trim();
    statistics_take(&before);
    for (size_t i = 0; i < OBJECTS; i++) {
        object[i] = take(4096);
        memset(object[i], 1, 4096);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        give(object[i]);
    }
    statistics_take(&freed);
    check_quiet(&freed);
    assert_int_equal(freed.kept_bytes[CAIRN_EMPTY] - before.kept_bytes[CAIRN_EMPTY], 4 * 4096);
    assert_int_equal(freed.kept_bytes[CAIRN_SPARE], CHUNK_SIZE);
    assert_int_equal(freed.spare_bytes, CHUNK_SIZE);
    /* Eleven to a slab, four handed to the bin: they lie on the first three pages.  Four of the
     * other slab are still fresh. */
    char *other = take(2944);
    statistics_take(&used_again);
    check_quiet(&used_again);
    assert_int_equal(used_again.kept_bytes[CAIRN_SPARE], 0);
    assert_int_equal(used_again.kept_bytes[CAIRN_FRESH] - before.kept_bytes[CAIRN_FRESH],
                     (5 + 4) * 4096 - used_again.classes[class_of(2944)].end_bytes);
    give(other);
}

static void what_is_missed_is_counted(void **state) {
    (void)state;
    enum { BYTES = 300 << 20, TRIES = 10 }; /* unless the machine stops for a second each time */
    struct cairn_heap_stats before, after;
    statistics_take(&before);
    after = before;
    for (int i = 0; i < TRIES && after.refaulted_bytes == before.refaulted_bytes; i++) {
        give(take(BYTES));
        give(take(BYTES));
        statistics_count(&after);
    }
    assert_true(after.refaulted_bytes - before.refaulted_bytes >= BYTES / 2);
    assert_true(after.purged_bytes - before.purged_bytes >= BYTES / 2);
    assert_true(after.purge_calls > before.purge_calls);
    assert_int_equal(after.purge_failures, 0);
    assert_int_equal(after.resident_bytes, 0); /* not looked at */
}

/* One survivor on each page: nothing can go. */
static void survivors_pin_pages(void **state) {
    (void)state;
    enum { OBJECTS = 20480 }; /* of 64 bytes, 64 to a page */
    static char *object[OBJECTS];
    struct cairn_heap_stats before, after;
    (void)trim();
    statistics_take(&before);
    for (size_t i = 0; i < OBJECTS; i++) {
        object[i] = take(64);
        memset(object[i], 1, 64);
    }
    size_t survivors = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        if ((uintptr_t)object[i] % os_page_size() == 0) {
            survivors++;
        } else {
            give(object[i]);
            object[i] = NULL;
        }
    }
    statistics_take(&after);
    check_quiet(&after);
    uint64_t pinned = after.classes[class_of(64)].pinned_bytes;
    assert_true(pinned >= survivors * (os_page_size() - 64));
    assert_true(pinned <= (survivors + 8) * os_page_size()); /* other objects of the class */
    assert_int_equal(after.kept_bytes[CAIRN_HOLE], before.kept_bytes[CAIRN_HOLE]);
    for (size_t i = 0; i < OBJECTS; i++) {
        if (object[i] != NULL) {
            give(object[i]);
        }
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
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    struct cairn_heap_stats s;
    atomic_store(&stop, false);
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
    }
    do {
        statistics_take(&s);
    } while (s.active_heaps < 1 + THREADS);
    for (int i = 0; i < 300; i++) {
        statistics_take(&s);
        assert_true(s.live_bytes <= s.mapped_bytes);
        check_sums(&s);
        assert_true(s.live_bytes <= THREADS * 64 * (size_t)65536 + 1000000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    statistics_take(&s);
    check_quiet(&s);
    assert_int_equal(s.parked_heaps, THREADS);
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
    struct cairn_heap_stats now, peak;
    statistics_take(&now);
    statistics_follow_peak();
    grow_and_shrink(64, 400000);
    statistics_peak(&peak);
    size_t expected = now.live_bytes + 64 * (size_t)400000;
    assert_true(peak.live_bytes <= expected);
    assert_true(peak.live_bytes >= expected - expected / 12);
    assert_int_equal(peak.live_bytes, peak.small_live_bytes + peak.large_live_bytes);
    /* One large object: the peak is there at once. */
    grow_and_shrink((size_t)100 << 20, 1);
    statistics_peak(&peak);
    assert_int_equal(peak.large_objects - now.large_objects, 1);
    assert_int_equal(peak.live_bytes - now.live_bytes, (size_t)100 << 20);
    /* A lower hill does not change it. */
    struct cairn_heap_stats again;
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
    size_t before = heap_self()->counters.hole_bytes;
    for (size_t i = 0; i < OBJECTS; i++) {
        if (i % RUN >= 20) {
            give(object[i]);
        }
    }
    size_t freed = OBJECTS / RUN * (RUN - 20) * (size_t)208;
    size_t given = heap_self()->counters.hole_bytes - before + trim();
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

/* As if the thread were about to count the first one, which is live by then. */
static void a_large_object_being_made_is_an_allocation(void **state) {
    (void)state;
    void *object = take(100000);
    struct heap_counters *counters = &heap_self()->counters;
    uint64_t counted = counters->large_objects;
    counters->large_objects = 0;
    struct cairn_heap_stats stats;
    statistics_count(&stats);
    assert_int_equal(stats.large_allocations, stats.large_objects);
    assert_int_equal(stats.allocations, stats.frees + stats.live_objects);
    counters->large_objects = counted;
    give(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_is_all_zero),
        cmocka_unit_test(rounding_is_estimated), /* before other sizes of its classes are noted */
        cmocka_unit_test(every_class_is_counted),
        cmocka_unit_test(a_large_object_being_made_is_an_allocation),
        cmocka_unit_test(remote_frees_count_as_free),
        cmocka_unit_test(allocations_and_frees_are_exact),
        cmocka_unit_test(every_free_page_has_a_reason),
        cmocka_unit_test(empty_and_fresh_are_told_apart),
        cmocka_unit_test(survivors_pin_pages),
        cmocka_unit_test(what_is_missed_is_counted),
        cmocka_unit_test(they_may_be_taken_while_others_work),
        cmocka_unit_test(the_peak_is_found),
        cmocka_unit_test(trimming_gives_back_pages_inside_slabs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
