#include "os/mutex.h"

#include <errno.h>

#include "support/dies.h"

enum { THREADS = 4, ROUNDS = 20000 };

static struct mutex mutex = MUTEX(RANK_CHUNKS);
static size_t counter;

static void *count(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        mutex_lock(&mutex);
        counter++;
        if (argument != NULL && i % 1000 == 0) {
            (void)usleep(200); /* long enough for the others to fall asleep */
        }
        mutex_unlock(&mutex);
    }
    return NULL;
}

/* In several threads at once, every other one slow. */
static void assert_counts(void *(*count_up)(void *slow)) {
    counter = 0;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, (void *)(i % 2)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(counter, THREADS * ROUNDS);
}

static void test_exclusion(void **state) {
    (void)state;
    assert_counts(count);
    assert_int_equal(mutex.state, 0);
}

static void test_keeps_errno(void **state) {
    (void)state;
    errno = EILSEQ;
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    assert_int_equal(errno, EILSEQ);
}

/* As in the child of a fork: whoever held it is not there any more. */
static void test_reset(void **state) {
    (void)state;
    mutex_lock(&mutex);
    mutex_reset(&mutex);
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
}

/* --- latches ---------------------------------------------------------------------------------- */

static struct latch latch = LATCH(RANK_CHUNKS);

static void *count_in_latch(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        latch_lock(&latch);
        counter++;
        if (argument != NULL && i % 1000 == 0) {
            (void)usleep(200);
        }
        latch_unlock(&latch);
    }
    return NULL;
}

static void test_latch_excludes(void **state) {
    (void)state;
    assert_counts(count_in_latch);
    assert_int_equal(latch.mutex.state, 0);
    assert_int_equal(latch.sleepers, 0);
}

static void *enter_and_leave(void *argument) {
    latch_lock(&latch);
    latch_unlock(&latch);
    return argument;
}

static void wait_for_sleeper(void) {
    while (atomic_load(&latch.sleepers) == 0) {
        (void)usleep(100);
    }
    (void)usleep(2000);
}

/* As when the processor looks for sleepers before the store that gives the latch back is seen. */
static void test_latch_outlives_missed_wake(void **state) {
    (void)state;
    pthread_t sleeper;
    latch_lock(&latch);
    assert_int_equal(pthread_create(&sleeper, NULL, enter_and_leave, NULL), 0);
    wait_for_sleeper();
    latch_reset(&latch);
    atomic_store(&latch.sleepers, 1); /* as it was: the sleeper will take itself off */
    assert_int_equal(pthread_join(sleeper, NULL), 0);
    assert_int_equal(latch.sleepers, 0);
}

static void test_latch_waits(void **state) {
    (void)state;
    errno = EILSEQ;
    assert_true(latch_try_lock(&latch));
    assert_int_equal(latch.mutex.state, 1);
    latch_unlock(&latch);
    latch_lock(&latch);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, enter_and_leave, NULL), 0);
    wait_for_sleeper();
    assert_int_equal(latch.mutex.state, 1); /* it waits */
    latch_unlock(&latch);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(errno, EILSEQ);
}

#ifdef CAIRN_DEBUG
static struct mutex lower = MUTEX(RANK_THREADS);

static void lock_twice(void *argument) {
    (void)argument;
    mutex_lock(&mutex);
    mutex.state = 0; /* else it would wait for itself */
    mutex_lock(&mutex);
}

static void lock_downwards(void *argument) {
    (void)argument;
    mutex_lock(&mutex);
    mutex_lock(&lower);
}

static void unlock_unlocked(void *argument) {
    (void)argument;
    mutex_unlock(&mutex);
}

static void test_ranks(void **state) {
    (void)state;
    mutex_lock(&lower);
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    mutex_unlock(&lower);
    assert_dies(lock_twice, NULL, "internal check failed");
    assert_dies(lock_downwards, NULL, "internal check failed");
    assert_dies(unlock_unlocked, NULL, "internal check failed");
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclusion),
        cmocka_unit_test(test_keeps_errno),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_latch_excludes),
        cmocka_unit_test(test_latch_outlives_missed_wake),
        cmocka_unit_test(test_latch_waits),
#ifdef CAIRN_DEBUG
        cmocka_unit_test(test_ranks),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
