#include "core/remote.h"

#include "base/bits.h"
#include "config/options.h"
#include "core/block.h"
#include "core/report.h"
#include "core/slab.h"
#include "support/dies.h"

enum { SIZE = 1024, CAPACITY = 32 };

static struct queue *queue(void) { return &heap_self()->queues[class_of(SIZE)]; }
static struct chunk *slab_of(void *object) { return chunk_of((uintptr_t)object); }
static uint64_t summary_of(struct chunk *slab) { return shared_of(slab)->summary; }

struct batch {
    void *objects[4096];
    size_t count;
};

static void *give_batch(void *argument) {
    struct batch *batch = argument;
    for (size_t i = 0; i < batch->count; i++) {
        give(batch->objects[i]);
    }
    return NULL;
}

static void test_notification(void **state) {
    (void)state;
    void *one = take(SIZE), *two = take(SIZE), *other = take(2 * SIZE);
    struct chunk *slab = slab_of(one);
    give_remotely(one);
    assert_int_equal(summary_of(slab), 1);
    assert_ptr_equal(heap_self()->notified, slab);
    assert_false(slab_free_bits(slab, 0) & 1); /* not the owner's business yet */
    give_remotely(two);
    give_remotely(other); /* a second slab in the list */
    assert_ptr_equal(heap_self()->notified, slab_of(other));
    assert_ptr_equal(shared_of(slab_of(other))->notified, slab);
    assert_intact();
    uint64_t before = heap_self()->counters.remote_frees;
    heap_drain(heap_self());
    assert_int_equal(heap_self()->counters.remote_frees - before, 3);
    assert_null(heap_self()->notified);
    assert_int_equal(summary_of(slab), 0);
    assert_intact();
}

/* Full slabs come back into the queue; empty ones are released. */
static void test_drain_full(void **state) {
    (void)state;
    static struct batch batch;
    for (size_t i = 0; i < 2 * CAPACITY; i++) {
        batch.objects[i] = take(SIZE);
    }
    void *last = take(SIZE);
    struct chunk *first = slab_of(batch.objects[0]), *second = slab_of(batch.objects[CAPACITY]);
    batch.count = CAPACITY + 1;
    in_thread(give_batch, &batch);
    assert_true((chunk_owner(first) & chunk_owner(second) & OWNER_FULL) != 0);
    assert_intact();
    heap_drain(heap_self());
    assert_true(chunk_is(first, CHUNK_SPARE));
    assert_true(second->queued && chunk_owner(second) == heap_distance_of(heap_self()));
    assert_int_equal(queue()->slabs, 2);
    assert_intact();
    for (size_t i = CAPACITY + 1; i < 2 * CAPACITY; i++) {
        give(batch.objects[i]);
    }
    give(last);
}

/* A consumer that only frees leaves the producer with a bounded heap. */
static void test_no_growth(void **state) {
    (void)state;
    static struct batch batch;
    batch.count = 3000;
    size_t most = 0;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < batch.count; i++) {
            batch.objects[i] = take(100);
        }
        in_thread(give_batch, &batch);
        if (round == 2) {
            most = block_totals.taken;
        }
        assert_true(round < 2 || block_totals.taken <= most + 1);
    }
    assert_intact();
}

/* All objects of a slab with many words, from several threads, while the owner drains. */
static void test_concurrent(void **state) {
    (void)state;
    enum { THREADS = 3, EACH = 4096 };
    static struct batch batches[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < EACH; i++) {
        for (size_t t = 0; t < THREADS; t++) {
            batches[t].objects[i] = take(16);
        }
    }
    /* Those of slabs that others emptied are counted elsewhere. */
    uint64_t before = heap_self()->counters.remote_frees + reclaim_totals.objects;
    for (size_t t = 0; t < THREADS; t++) {
        batches[t].count = EACH;
        assert_int_equal(pthread_create(&threads[t], NULL, give_batch, &batches[t]), 0);
    }
    for (int i = 0; i < 1000; i++) {
        heap_drain(heap_self());
    }
    for (size_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    assert_intact();
    heap_drain(heap_self());
    assert_int_equal(heap_self()->counters.remote_frees + reclaim_totals.objects - before,
                     THREADS * EACH);
    assert_intact();
}

/* --- double frees
 * ---------------------------------------------------------------------------------- */

static void *give_twice(void *object) {
    give(object);
    give(object);
    return NULL;
}

static void remote_twice(void *object) { in_thread(give_twice, object); }

static void local_then_remote(void *object) {
    give(object);
    give_remotely(object);
}

/* Found when the owner merges. */
static void remote_then_local(void *object) {
    give_remotely(object);
    give(object);
    heap_drain(heap_self());
}

static void remote_drain_remote(void *object) {
    give_remotely(object);
    heap_drain(heap_self());
    give_remotely(object);
}

static void test_double_frees(void **state) {
    (void)state;
    void *keep = take(SIZE), *object = take(SIZE);
    const char *text = "double free of an object of size class 1024; thread ";
    assert_dies(remote_twice, object, text);
    assert_dies(local_then_remote, object, text);
    assert_dies(remote_then_local, object, text);
    assert_dies(remote_drain_remote, object, text);
    give(object);
    give(keep);
}

/* In a further chunk of a wide slab, by other threads and by the owner. */
static void test_wide_slab(void **state) {
    (void)state;
    enum { LARGE = 12288, OBJECTS = 100 };
    void *objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = take(LARGE);
    }
    void *object = objects[OBJECTS - 1];
    assert_true(chunk_is(chunk_of((uintptr_t)object), CHUNK_BODY));
    const char *text = "double free of an object of size class 12288; thread ";
    assert_dies(remote_twice, object, text);
    assert_dies(local_then_remote, object, text);
    assert_dies(remote_then_local, object, text);
    assert_dies(remote_drain_remote, object, text);
    uint64_t before = heap_self()->counters.remote_frees;
    for (size_t i = 0; i < OBJECTS; i++) {
        i % 3 == 0 ? give(objects[i]) : give_remotely(objects[i]);
    }
    heap_drain(heap_self());
    assert_int_equal(heap_self()->counters.remote_frees - before, OBJECTS - (OBJECTS + 2) / 3);
    assert_intact();
    threads_flush();
    assert_int_equal(heap_self()->queues[class_of(LARGE)].slabs, 0);
}

/* --- late notifications
 * ------------------------------------------------------------------------------- */

/* What a freeing thread does that was held up after its bit was set; the bit was merged meanwhile.
 */
static void notify_late(struct chunk *slab, struct heap *owner) {
    shared_of(slab)->summary |= 1;
    shared_of(slab)->notified = owner->notified;
    owner->notified = slab;
}

static void test_late_for_another_slab(void **state) {
    (void)state;
    void *object = take(SIZE);
    struct chunk *slab = slab_of(object);
    notify_late(slab, heap_self());
    heap_drain(heap_self());
    assert_int_equal(summary_of(slab), 0);
    assert_intact();
    give(object);
}

static void test_late_for_released(void **state) {
    (void)state;
    void *object = take(SIZE);
    struct chunk *slab = slab_of(object);
    give(object);
    heap_flush(heap_self());
    assert_true(chunk_is(slab, CHUNK_RELEASED));
    notify_late(slab, heap_self());
    heap_drain(heap_self());
    assert_int_equal(summary_of(slab), 0);
    assert_intact();
}

static void test_late_for_large(void **state) {
    (void)state;
    void *object = take(100000);
    struct chunk *head = chunk_of((uintptr_t)object);
    notify_late(head, heap_self());
    heap_drain(heap_self());
    assert_int_equal(summary_of(head), 0);
    assert_true(chunk_is(head, CHUNK_LARGE));
    assert_intact();
    give(object);
}

/* Where the program wants to go on, what was freed twice is free once: an object at hand and one
 * that its owner freed, as if other threads had freed them at the same moment. */
static void test_double_free_goes_on(void **state) {
    (void)state;
    options.on_finding = "continue";
    options.report = "/dev/null";
    options.report_format = "text";
    report_start();
    void *object = take(SIZE);
    struct chunk *slab = slab_of(object);
    uint64_t live = CAPACITY - count_bits(slab_free_bits(slab, 0) & low_mask(CAPACITY));
    uint64_t ready = owner_word_read(&slab->words[0].avail);
    assert_int_not_equal(ready, 0);
    give(object);
    uint64_t frees = heap_self()->counters.remote_frees;
    uint64_t twice = (ready & -ready) | UINT64_C(1) << ((uintptr_t)object - slab->start) / SIZE;
    atomic_fetch_or(&shared_of(slab)->remote[0], twice);
    (void)slab_merge_remote(heap_self(), slab, 0);
    assert_int_equal(heap_self()->counters.remote_frees, frees);
    assert_int_equal(owner_word_read(&slab->words[0].avail), ready);
    assert_int_equal(owner_word_read(&slab->words[0].freed) & ready, 0);
    assert_int_equal(CAPACITY - count_bits(slab_free_bits(slab, 0) & low_mask(CAPACITY)), live - 1);
    assert_intact();
    options.on_finding = "abort";
    options.report = "";
    report_start();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notification),
        cmocka_unit_test(test_drain_full),
        cmocka_unit_test(test_no_growth),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_double_frees),
        cmocka_unit_test(test_wide_slab),
        cmocka_unit_test(test_double_free_goes_on),
        cmocka_unit_test_setup(test_late_for_another_slab, empty_heap),
        cmocka_unit_test_setup(test_late_for_released, empty_heap),
        cmocka_unit_test_setup(test_late_for_large, empty_heap),
    };
    return cmocka_run_group_tests(tests, empty_heap, empty_heap);
}
