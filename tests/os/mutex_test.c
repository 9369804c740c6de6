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

static void test_exclusion(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, (void *)(i % 2)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(counter, THREADS * ROUNDS);
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
#ifdef CAIRN_DEBUG
        cmocka_unit_test(test_ranks),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
