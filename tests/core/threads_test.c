/* Heaps from the first malloc of a thread to its end and beyond. */
#include "core/threads.h"

#include "core/block.h"
#include "core/slab.h"
#include "support/core.h"

enum { SIZE = 1024, CAPACITY = 32 };

static struct chunk *slab_of(void *object) { return chunk_of((uintptr_t)object); }
static struct heap *heap_of(void *object) {
    return heap_at(owner_heap(chunk_owner(slab_of(object))));
}

static size_t count_heaps(void) {
    size_t heaps = 0;
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        heaps++;
    }
    return heaps;
}

/* --- first steps ------------------------------------------------------------------------------ */

static void *only_frees(void *object) {
    assert_ptr_equal(heap_self(), &heap_origin.none);
    give(object);
    give(NULL);
    assert_ptr_equal(heap_self(), &heap_origin.none);
    return NULL;
}

/* A thread that only frees gets no heap. */
static void test_no_heap(void **state) {
    (void)state;
    size_t heaps;
    void *object = take(SIZE);
    heaps = count_heaps();
    in_thread(only_frees, object);
    assert_int_equal(count_heaps(), heaps);
    assert_intact();
}

static void *take_one(void *result) {
    *(void **)result = take(SIZE);
    assert_ptr_equal(heap_self(), heap_of(*(void **)result));
    assert_false(threads_is_parked(heap_self()));
    return NULL;
}

/* The heap of a thread that ended is the next one's. */
static void test_park_and_unpark(void **state) {
    (void)state;
    void *first, *second;
    in_thread(take_one, &first);
    struct heap *heap = heap_of(first);
    assert_true(threads_is_parked(heap));
    assert_ptr_equal(threads_first_parked(), heap);
    assert_intact();
    size_t heaps = count_heaps();
    in_thread(take_one, &second);
    assert_ptr_equal(heap_of(second), heap);
    assert_ptr_equal(slab_of(first), slab_of(second)); /* and so is what is free in its slabs */
    assert_int_equal(count_heaps(), heaps);
    assert_intact();
    give(first);
    give(second);
}

static void *take_and_free(void *argument) {
    (void)argument;
    void *objects[1000];
    for (size_t i = 0; i < 1000; i++) {
        objects[i] = take(i * 8);
    }
    for (size_t i = 0; i < 1000; i++) {
        give(objects[i]);
    }
    return NULL;
}

/* Thousands of short threads: one heap serves them all, and nothing is left behind. */
static void test_churn(void **state) {
    (void)state;
    in_thread(take_and_free, NULL);
    size_t heaps = count_heaps(), taken = block_totals.taken;
    for (int i = 0; i < 1000; i++) {
        in_thread(take_and_free, NULL);
    }
    assert_int_equal(count_heaps(), heaps);
    assert_int_equal(block_totals.taken, taken);
    assert_intact();
}

/* --- parked heaps
 * ------------------------------------------------------------------------------------- */

static void *take_many(void *argument) {
    void **objects = argument;
    for (size_t i = 0; i < 2 * CAPACITY + 1; i++) {
        objects[i] = take(SIZE);
    }
    return NULL;
}

/* Who frees into a parked heap merges the free itself; what becomes empty is released at once. */
static void test_free_into_parked(void **state) {
    (void)state;
    void *objects[2 * CAPACITY + 1];
    in_thread(take_many, objects);
    struct heap *heap = heap_of(objects[0]);
    size_t taken = block_totals.taken;
    for (size_t i = 0; i < 2 * CAPACITY + 1; i++) {
        give(objects[i]);
        assert_null(heap->notified);
        assert_intact();
    }
    assert_true(block_totals.taken <= taken - 3);
    assert_int_equal(heap->queues[class_of(SIZE)].slabs, 0);
}

/* A running thread that needs a slab takes one of a thread that has ended. */
static void test_adoption(void **state) {
    (void)state;
    void *objects[2 * CAPACITY + 1], *mine[4 * CAPACITY];
    in_thread(take_many, objects);
    struct heap *dead = heap_of(objects[0]);
    struct chunk *slab = slab_of(objects[2 * CAPACITY]);
    assert_ptr_equal(heap_of(objects[2 * CAPACITY]), dead);
    uint64_t before = 0;
    size_t got = 0;
    while (got < 4 * CAPACITY) {
        mine[got++] = take(SIZE);
        if (before == 0) {
            before = heap_self()->counters.slabs_adopted + 1;
        }
        if (heap_of(objects[2 * CAPACITY]) == heap_self()) {
            break;
        }
    }
    assert_ptr_equal(heap_of(objects[2 * CAPACITY]), heap_self());
    assert_ptr_equal(slab_of(objects[2 * CAPACITY]), slab);
    assert_intact();
    give(objects[2 * CAPACITY]); /* a local free now */
    assert_null(heap_self()->notified);
    for (size_t i = 0; i < 2 * CAPACITY; i++) {
        give(objects[i]);
    }
    for (size_t i = 0; i < got; i++) {
        give(mine[i]);
    }
    assert_intact();
}

static void test_flush(void **state) {
    (void)state;
    void *objects[2 * CAPACITY + 1];
    in_thread(take_many, objects);
    for (size_t i = 0; i < 2 * CAPACITY + 1; i++) {
        give(objects[i]);
    }
    (void)take_and_free(NULL);
    threads_flush();
    assert_int_equal(block_totals.taken, 0);
    assert_intact();
}

/* --- the end of a thread
 * -------------------------------------------------------------------------- */

static pthread_key_t key;
static struct {
    void *objects[64];
    size_t count;
} late;

/* In the last round thread sanitizer does not follow the thread any more. */
#if defined(__SANITIZE_THREAD__)
enum { ROUNDS_OF_DESTRUCTORS = 3 };
#else
enum { ROUNDS_OF_DESTRUCTORS = 4 };
#endif

/* A destructor of the program's that allocates and frees, in each of the rounds there are. */
static void at_end(void *round) {
    assert_true(late.count < 64);
    void *object = take(SIZE);
    assert_non_null(object);
    *(char *)object = 1;
    give(take(40)); /* also frees */
    late.objects[late.count++] = object;
    if ((uintptr_t)round < ROUNDS_OF_DESTRUCTORS) {
        (void)pthread_setspecific(key, (void *)((uintptr_t)round + 1));
    }
}

static void *end_busily(void *argument) {
    give(take(SIZE));
    assert_int_equal(pthread_setspecific(key, argument), 0); /* the first round */
    return NULL;
}

static void test_destructors_allocate(void **state) {
    (void)state;
    assert_int_equal(pthread_key_create(&key, at_end), 0); /* after cairn's own, so it runs later */
    for (int i = 0; i < 10; i++) {
        in_thread(end_busily, (void *)1);
    }
    assert_true(late.count == 10 * ROUNDS_OF_DESTRUCTORS);
    assert_non_null(threads_late_heap()); /* what came after the heap was parked */
    assert_intact();
    for (size_t i = 0; i < late.count; i++) {
        assert_int_equal(*(char *)late.objects[i], 1);
        give(late.objects[i]);
        assert_intact();
    }
    assert_int_equal(pthread_key_delete(key), 0);
}

static void *end_with_first_object(void *argument) {
    assert_int_equal(pthread_setspecific(key, argument), 0);
    return NULL;
}

/* Nothing stays with a thread that first allocates when it ends, in whichever round but the last
 * ones. */
static void test_destructors_allocate_first(void **state) {
    (void)state;
    late.count = 0;
    assert_int_equal(pthread_key_create(&key, at_end), 0); /* as above */
    size_t heaps = count_heaps();
    for (int i = 0; i < 10; i++) {
        in_thread(end_with_first_object, (void *)ROUNDS_OF_DESTRUCTORS);
        give(late.objects[--late.count]);
    }
    assert_true(count_heaps() <= heaps + 1);
    assert_intact();
    assert_int_equal(pthread_key_delete(key), 0);
}

static void test_late(void **state) {
    (void)state;
    bool zeroed;
    void *object = threads_take_late(class_of(SIZE), &zeroed);
    assert_non_null(object);
    assert_ptr_equal(heap_of(object), threads_late_heap());
    assert_true(threads_is_parked(threads_late_heap()));
    give(object);
    assert_null(threads_late_heap()->notified);
    assert_intact();
}

/* --- everything at once
 * --------------------------------------------------------------------------------- */

enum { PLACES = 64 };
static _Atomic(void *) places[PLACES];

static void *pass_on(void *argument) {
    for (uintptr_t i = 0; i < 200; i++) {
        give(atomic_exchange(&places[(i * 7 + (uintptr_t)argument) % PLACES], take(16 + i % 900)));
    }
    return NULL;
}

/* Threads begin and end while others free into what they leave behind. */
static void test_overlapping(void **state) {
    (void)state;
    enum { AT_ONCE = 4, ROUNDS = 150 };
    pthread_t threads[AT_ONCE];
    for (uintptr_t i = 0; i < AT_ONCE * ROUNDS; i++) {
        if (i >= AT_ONCE) {
            assert_int_equal(pthread_join(threads[i % AT_ONCE], NULL), 0);
        }
        assert_int_equal(pthread_create(&threads[i % AT_ONCE], NULL, pass_on, (void *)i), 0);
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
    assert_true(count_heaps() <= AT_ONCE + 4);
    for (size_t i = 0; i < PLACES; i++) {
        give(places[i]);
    }
    threads_flush();
    assert_intact();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_heap),
                                       cmocka_unit_test(test_park_and_unpark),
                                       cmocka_unit_test(test_churn),
                                       cmocka_unit_test(test_free_into_parked),
                                       cmocka_unit_test(test_adoption),
                                       cmocka_unit_test(test_flush),
                                       cmocka_unit_test(test_overlapping),
                                       cmocka_unit_test(test_destructors_allocate),
                                       cmocka_unit_test(test_destructors_allocate_first),
                                       cmocka_unit_test(test_late)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
