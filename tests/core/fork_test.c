/* fork() while other threads allocate and free: the child has one thread, a heap in order, and may
 * free what the vanished threads had. */
#include <string.h>

#include "core/block.h"
#include "core/remote.h"
#include "core/slab.h"
#include "core/walk.h"
#include "support/child.h"
#include "support/core.h"
#include "support/random.h"

enum { THREADS = 3, PLACES = 256, FORKS = 40, BLOCKS_TAKEN = 16 };

static _Atomic(void *) places[PLACES];
static _Atomic(bool) stop;

static size_t size_of(uint64_t random) {
    return random % 50 == 0 ? 40000 + random % 300000 : 1 + random % 3000;
}

/* Also puts objects where other threads and the children find them. */
static void *busy(void *argument) {
    uint64_t random = (uintptr_t)argument;
    while (!stop) {
        for (int i = 0; i < 20; i++) {
            void *object = take(size_of(random_next(&random)));
            REQUIRE(object != NULL);
            *(char *)object = 1;
            give(atomic_exchange(&places[random_below(&random, PLACES)], object));
        }
    }
    return NULL;
}

static void require_intact(void) {
    struct checker_finding finding;
    if (!checker_run_after_fork(&finding)) {
        fprintf(stderr, "violated at 0x%lx: %s\n", (unsigned long)finding.address, finding.what);
        abort();
    }
}

static void use(size_t objects) {
    static void *own[2000];
    for (size_t i = 0; i < objects; i++) {
        own[i] = take(1 + i * 37 % 5000);
        REQUIRE(own[i] != NULL);
        memset(own[i], 2, 1 + i * 37 % 5000);
    }
    for (size_t i = 0; i < objects; i++) {
        give(own[i]);
    }
}

/* Runs in the child. */
static int live_on(void *argument) {
    bool first_frees = (bool)(uintptr_t)argument;
    require_intact();
    if (!first_frees) {
        use(2000); /* takes slabs of vanished threads */
        require_intact();
    }
    for (size_t i = 0; i < PLACES; i++) {
        give(atomic_exchange(&places[i], NULL));
    }
    require_intact();
    use(2000);
    threads_flush();
    require_intact();
    (void)chunks_purge_all();
    require_intact();
    return 0;
}

static void test_fork(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    (void)take(16);
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)(i + 1)), 0);
    }
    for (uintptr_t i = 0; i < FORKS; i++) {
        (void)usleep(2000);
        assert_int_equal(in_child(live_on, (void *)(i % 2)), 0);
    }
    stop = true;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
}

static int fork_again(void *argument) {
    use(100);
    REQUIRE(in_child(live_on, argument) == 0);
    return live_on(argument);
}

static void test_grandchild(void **state) {
    (void)state;
    assert_int_equal(in_child(fork_again, NULL), 0);
}

/* A thread that only frees has no heap, and so leaves none behind; but it may have been between any
 * two steps of a remote free (remote.h).  Here it is after the first one. */
static void *begin_to_free(void *argument) {
    void **objects = argument;
    give(objects[0]);
    struct chunk *slab = chunk_of((uintptr_t)objects[1]);
    bool exact;
    uint64_t index = object_index(slab, (uintptr_t)objects[1], &exact);
    (void)atomic_fetch_or(&shared_of(slab)->remote[index / 64], UINT64_C(1) << index % 64);
    return NULL;
}

/* Runs in the child. */
static int merge_all(void *object) {
    struct chunk *slab = chunk_of((uintptr_t)object);
    heap_drain(heap_self());
    REQUIRE(shared_of(slab)->summary == 0 && shared_of(slab)->remote[0] == 0);
    require_intact();
    return 0;
}

static void test_thread_without_heap(void **state) {
    (void)state;
    void *objects[] = {take(2000), take(3000)}; /* of two slabs of one word */
    in_thread(begin_to_free, objects);
    assert_int_equal(in_child(merge_all, objects[1]), 0);
    remote_notify(chunk_of((uintptr_t)objects[1]), 0);
    threads_flush();
    assert_intact();
}

/* --- forks at the wrong moment ---------------------------------------------------------------- */

/* Runs in the child. */
static int look_only(void *unused) {
    (void)unused;
    require_intact();
    return 0;
}

typedef void *work(void *unused);

/* `other`: NULL, or what a second thread does. */
static void fork_beside(work *one, work *other, void (*before)(void)) {
    pthread_t threads[2];
    stop = false;
    assert_int_equal(pthread_create(&threads[0], NULL, one, NULL), 0);
    if (other != NULL) {
        assert_int_equal(pthread_create(&threads[1], NULL, other, NULL), 0);
    }
    for (int i = 0; i < FORKS; i++) {
        before();
        assert_int_equal(in_child(look_only, NULL), 0);
    }
    stop = true;
    for (size_t i = 0; i < (other != NULL ? 2 : 1); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
}

static void *purge_much(void *unused) {
    while (!stop) {
        give(take(BLOCKS_TAKEN * BLOCK_SIZE));
        (void)chunks_purge_all();
    }
    return unused;
}

static void wait_little(void) { (void)usleep(500); }

static void test_purge(void **state) {
    (void)state;
    fork_beside(purge_much, NULL, wait_little);
}

static void *free_all(void *unused) {
    while (!stop) {
        for (size_t i = 0; i < PLACES; i++) {
            give(atomic_exchange(&places[i], NULL));
        }
    }
    return unused;
}

/* Whole slabs, so that who frees their objects reaps them. */
static void make_slabs(void) {
    for (size_t i = 0; i < 4 * PLACES; i++) {
        give(atomic_exchange(&places[i % PLACES], take(4000)));
    }
}

/* Of the thread that forks. */
static void test_reaping(void **state) {
    (void)state;
    fork_beside(free_all, NULL, make_slabs);
}

static void *make_slabs_of_own(void *unused) {
    while (!stop) {
        make_slabs();
    }
    return unused;
}

/* Of another one, which drains its list, too. */
static void test_reaping_beside(void **state) {
    (void)state;
    fork_beside(free_all, make_slabs_of_own, wait_little);
}

static int start(void **state) {
    (void)state;
    threads_start();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fork),
                                       cmocka_unit_test(test_grandchild),
                                       cmocka_unit_test(test_thread_without_heap),
                                       cmocka_unit_test(test_purge),
                                       cmocka_unit_test(test_reaping),
                                       cmocka_unit_test(test_reaping_beside)};
    return cmocka_run_group_tests(tests, start, NULL);
}
