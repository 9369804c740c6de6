#include "core/reclaim.h"

#include <string.h>

#include "base/bits.h"
#include "core/batch.h"
#include "core/block.h"
#include "core/object.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/statistics.h"
#include "support/dies.h"

/* The objects of SIZE lie in slabs of one word, those of SMALL in slabs of many; a program that
 * has a few slabs of LARGE gets wide ones. */
enum { SIZE = 1024, CAPACITY = 32, SMALL = 16, LARGE = 12288 };

static struct queue *queue_of(size_t size) { return &heap_self()->queues[class_of(size)]; }
static struct chunk *slab_of(const void *object) {
    return slab_of_chunk(chunk_of((uintptr_t)object));
}

struct batch {
    void *objects[40000];
    size_t count;
};
static struct batch batch;

static void fill(size_t count, size_t size) {
    batch.count = count;
    for (size_t i = 0; i < count; i++) {
        batch.objects[i] = take(size);
        memset(batch.objects[i], 1, size);
    }
}

static void *give_batch(void *argument) {
    struct batch *some = argument;
    for (size_t i = 0; i < some->count; i++) {
        give(some->objects[i]);
    }
    return NULL;
}

/* In an order that has nothing to do with that of allocation. */
static void *give_scattered(void *argument) {
    struct batch *some = argument;
    for (size_t i = 0, at = 0; i < some->count; i++, at = (at + 7919) % some->count) {
        give(some->objects[at]);
    }
    return NULL;
}

static void *give_as_batch(void *argument) {
    struct batch *some = argument;
    batch_free("free", some->objects, some->count);
    return NULL;
}

static uint64_t live_objects(void) {
    struct cairn_heap_stats stats;
    statistics_take(&stats);
    return stats.live_objects;
}

/* --- the promise ------------------------------------------------------------------------------ */

/* What one thread allocated, another frees; the first one does nothing meanwhile. */
static void sleep_through(void *(*give_all)(void *), size_t count, size_t size) {
    uint64_t live = live_objects();
    fill(count, size);
    size_t taken = block_totals.taken;
    in_thread(give_all, &batch);
    assert_int_equal(live_objects(), live);
    assert_intact();
    assert_in_range(block_totals.taken, 0, taken / 4);
    assert_in_range(queue_of(size)->slabs, 1, taken / 4);
    give(take(size)); /* the owner wakes up */
    threads_flush();
    assert_intact();
    assert_int_equal(block_totals.taken, 0);
}

static void test_in_order(void **state) {
    (void)state;
    sleep_through(give_batch, 100 * CAPACITY, SIZE);
    sleep_through(give_batch, 40000, SMALL);
    sleep_through(give_batch, 500, LARGE);
}

static void test_scattered(void **state) {
    (void)state;
    sleep_through(give_scattered, 100 * CAPACITY, SIZE);
    sleep_through(give_scattered, 40000, SMALL);
    sleep_through(give_scattered, 500, LARGE);
}

static void test_as_batch(void **state) {
    (void)state;
    sleep_through(give_as_batch, 100 * CAPACITY, SIZE);
    sleep_through(give_as_batch, 40000, SMALL);
}

/* What was condemned, and is too little to be reaped, goes when the owner looks. */
static void test_few(void **state) {
    (void)state;
    fill(CAPACITY, SIZE);
    void *next = take(SIZE); /* finds the first slab full */
    struct chunk *slab = slab_of(batch.objects[0]);
    uint64_t live = live_objects(), frees = heap_self()->counters.remote_frees;
    in_thread(give_batch, &batch);
    assert_true(slab_is_condemned(slab) && chunk_is(slab, CHUNK_SLAB));
    assert_int_equal(live_objects(), live - CAPACITY);
    assert_int_equal(slab_live_bits(slab, 0), 0);
    struct object object;
    struct finding finding;
    assert_int_equal(object_find(batch.objects[3], &object, &finding), FOUND_FREE);
    assert_intact();
    heap_drain(heap_self());
    assert_true(chunk_is(slab, CHUNK_SPARE));
    assert_int_equal(heap_self()->counters.remote_frees - frees, CAPACITY);
    assert_int_equal(heap_self()->condemned, 0);
    assert_intact();
    give(next);
}

/* Of a heap whose thread has ended nothing waits. */
static void *fill_in_thread(void *unused) {
    fill(20 * CAPACITY, SIZE);
    return unused;
}

static void test_parked(void **state) {
    (void)state;
    in_thread(fill_in_thread, NULL);
    assert_int_equal(block_totals.taken, 20);
    (void)give_scattered(&batch);
    assert_intact();
    assert_int_equal(block_totals.taken, 0);
}

/* --- what must not be condemned --------------------------------------------------------------- */

static void test_survivor(void **state) {
    (void)state;
    fill(CAPACITY, SIZE);
    void *next = take(SIZE);
    struct chunk *slab = slab_of(batch.objects[0]);
    batch.count--;
    in_thread(give_batch, &batch);
    assert_false(slab_is_condemned(slab));
    assert_int_equal(count_bits(slab_live_bits(slab, 0)), 1);
    give(batch.objects[CAPACITY - 1]); /* the last is the owner's own */
    assert_false(slab_is_condemned(slab));
    assert_intact();
    give(next);
}

/* A slab that malloc takes from has no live object, but some at hand. */
static void test_current(void **state) {
    (void)state;
    fill(CAPACITY, SIZE);
    struct chunk *slab = slab_of(batch.objects[0]);
    in_thread(give_batch, &batch);
    assert_false(slab_is_condemned(slab));
    assert_intact();
}

/* It is in a queue, in which its owner will find it. */
static void test_watched(void **state) {
    (void)state;
    fill(CAPACITY, SIZE);
    void *next = take(SIZE);
    struct chunk *slab = slab_of(batch.objects[0]);
    slab_set_owner(slab, heap_distance | OWNER_FULL | OWNER_WATCHED);
    in_thread(give_batch, &batch);
    assert_false(slab_is_condemned(slab));
    slab_set_owner(slab, heap_distance | OWNER_FULL);
    give(next);
}

/* --- double frees ----------------------------------------------------------------------------- */

static void again_by_owner(void *object) {
    in_thread(give_batch, &batch);
    give(object);
}

static void again_by_another(void *object) {
    in_thread(give_batch, &batch);
    give_remotely(object);
}

static void again_as_batch(void *object) {
    in_thread(give_batch, &batch);
    batch.objects[0] = object;
    batch.count = 1;
    in_thread(give_as_batch, &batch);
}

static void by_owner_before(void *object) {
    give(object);
    in_thread(give_batch, &batch);
}

/* By a thread that saw the owner before the slab was condemned: when it is given back. */
static void again_at_once(void *object) {
    in_thread(give_batch, &batch);
    struct chunk *slab = slab_of(object);
    shared_of(slab)->remote[0] |= 1;
    heap_drain(heap_self());
}

/* Likewise by the owner. */
static void again_by_owner_at_once(void *object) {
    struct chunk *slab = slab_of(object);
    in_thread(give_batch, &batch);
    uintptr_t owner = chunk_owner(slab);
    assert_true((owner & OWNER_EMPTIED) != 0);
    slab_set_owner(slab, owner & ~OWNER_EMPTIED);
    (void)slab_free_object(slab, 0);
    slab_set_owner(slab, owner);
    give(object);
}

static void test_double_frees(void **state) {
    (void)state;
    fill(CAPACITY, SIZE);
    void *next = take(SIZE), *object = batch.objects[5];
    const char *text = "double free of an object of size class 1024; thread ";
    assert_dies(again_by_owner, object, text);
    assert_dies(again_by_another, object, text);
    assert_dies(again_as_batch, object, text);
    assert_dies(by_owner_before, object, text);
    assert_dies(again_at_once, object, text);
    assert_dies(again_by_owner_at_once, object, text);
    (void)give_batch(&batch);
    give(next);
}

static void test_double_frees_in_wide_slab(void **state) {
    (void)state;
    fill(100, LARGE);
    void *object = batch.objects[98];
    assert_true(chunk_is(chunk_of((uintptr_t)object), CHUNK_BODY));
    while (slab_of(batch.objects[batch.count - 1]) == queue_of(LARGE)->current) {
        batch.count--; /* as the others are full */
    }
    object = batch.objects[batch.count - 1];
    /* A wide slab is enough for a reaper, so it is no slab any more. */
    const char *text = "pointer into memory that was released; thread ";
    assert_dies(again_by_owner, object, text);
    assert_dies(again_by_another, object, text);
    batch.count = 100;
    (void)give_batch(&batch);
}

/* --- fork ------------------------------------------------------------------------------------- */

static _Atomic(int) stage;

static void await(int wanted) {
    while (stage != wanted) {
        (void)usleep(100);
    }
}

static void *fill_and_wait(void *unused) {
    fill(3 * CAPACITY + 1, SIZE);
    stage = 1;
    await(2);
    return unused;
}

/* The owner of condemned slabs is gone, in the middle of draining, and the list of them with it. */
static int inherit(void *argument) {
    const struct heap *owner = argument;
    struct checker_finding finding;
    REQUIRE(!owner->draining);
    REQUIRE(checker_run_after_fork(&finding));
    give(take(SIZE));
    threads_flush();
    REQUIRE(checker_run_after_fork(&finding));
    REQUIRE(live_objects() == 1);
    give(batch.objects[3 * CAPACITY]);
    threads_flush();
    REQUIRE(block_totals.taken == 0);
    return 0;
}

static void *have_a_heap(void *unused) {
    void *object = take(16);
    stage = 1;
    await(2);
    give(object);
    return unused;
}

/* The owner goes on; who vanished may have been in the middle of notifying him. */
static int inherit_own(void *object) {
    struct chunk *slab = slab_of(object);
    REQUIRE(slab_is_condemned(slab));
    heap_drain(heap_self());
    REQUIRE(!slab_is_condemned(slab) && !chunk_is(slab, CHUNK_SLAB));
    return 0;
}

static void test_fork(void **state) {
    (void)state;
    pthread_t thread;
    stage = 0;
    assert_int_equal(pthread_create(&thread, NULL, fill_and_wait, NULL), 0);
    await(1);
    void *last = batch.objects[--batch.count];
    (void)give_batch(&batch);
    assert_true(slab_is_condemned(slab_of(batch.objects[0])));
    struct heap *owner = heap_at(owner_heap(chunk_owner(slab_of(batch.objects[0]))));
    owner->draining = true;
    assert_int_equal(in_child(inherit, owner), 0);
    owner->draining = false;
    stage = 2;
    assert_int_equal(pthread_join(thread, NULL), 0);
    give(last);
    fill(CAPACITY, SIZE);
    void *next = take(SIZE);
    in_thread(give_batch, &batch);
    stage = 0;
    assert_int_equal(pthread_create(&thread, NULL, have_a_heap, NULL), 0);
    await(1);
    assert_int_equal(in_child(inherit_own, batch.objects[0]), 0);
    stage = 2;
    assert_int_equal(pthread_join(thread, NULL), 0);
    give(next);
}

/* --- at work ---------------------------------------------------------------------------------- */

/* Two threads free what two others allocate and, at times, drain: some slabs are condemned, some
 * while their owner merges. */
enum { PLACES = 2048, ROUNDS = 300000 };
static _Atomic(void *) places[PLACES];
static _Atomic(int) at_work;

static void *produce(void *seed) {
    uint64_t random = (uintptr_t)seed;
    for (int i = 0; i < ROUNDS; i++) {
        void *object = take(wyrand(&random) % 2 == 0 ? SIZE : SMALL + 16);
        memset(object, 1, 8);
        void *before = atomic_exchange(&places[wyrand(&random) % PLACES], object);
        if (before != NULL) {
            give(before);
        }
        if (i % 4096 == 0) {
            (void)usleep(200);
        }
    }
    at_work--;
    return NULL;
}

static void *consume(void *seed) {
    uint64_t random = (uintptr_t)seed;
    while (at_work > 0) {
        void *object = atomic_exchange(&places[wyrand(&random) % PLACES], NULL);
        if (object != NULL) {
            give(object);
        }
    }
    return NULL;
}

static void test_at_work(void **state) {
    (void)state;
    pthread_t threads[4];
    at_work = 2;
    for (uintptr_t t = 0; t < 4; t++) {
        assert_int_equal(
            pthread_create(&threads[t], NULL, t < 2 ? produce : consume, (void *)(t + 1)), 0);
    }
    for (size_t t = 0; t < 4; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    for (size_t i = 0; i < PLACES; i++) {
        void *object = atomic_exchange(&places[i], NULL);
        if (object != NULL) {
            give(object);
        }
    }
    assert_intact();
    threads_flush();
    assert_int_equal(live_objects(), 0);
    assert_int_equal(block_totals.taken, 0);
}

static int start(void **state) {
    (void)state;
    threads_start(); /* the fork handlers */
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_order, empty_heap),
        cmocka_unit_test_setup(test_scattered, empty_heap),
        cmocka_unit_test_setup(test_as_batch, empty_heap),
        cmocka_unit_test_setup(test_few, empty_heap),
        cmocka_unit_test_setup(test_parked, empty_heap),
        cmocka_unit_test_setup(test_survivor, empty_heap),
        cmocka_unit_test_setup(test_current, empty_heap),
        cmocka_unit_test_setup(test_watched, empty_heap),
        cmocka_unit_test_setup(test_double_frees, empty_heap),
        cmocka_unit_test_setup(test_double_frees_in_wide_slab, empty_heap),
        cmocka_unit_test_setup(test_fork, empty_heap),
        cmocka_unit_test_setup(test_at_work, empty_heap),
    };
    return cmocka_run_group_tests_name("reclaim", tests, start, NULL);
}
