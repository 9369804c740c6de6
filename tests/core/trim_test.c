/* Trimming: what it reaches, and that what it returns is true. */
#include "core/trim.h"

#include <string.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/spare.h"
#include "core/threads.h"
#include "os/os.h"
#include "support/core.h"

static int start_clean(void **state) {
    (void)state;
    give(take(16));
    (void)trim();
    return 0;
}

static void test_nothing_to_give(void **state) {
    (void)state;
    assert_int_equal(trim(), 0);
    void *object = take(100000);
    memset(object, 1, 100000);
    assert_int_equal(trim(), 0);
    give(object);
    assert_int_equal(trim(), round_up(100000, os_page_size()));
    assert_int_equal(trim(), 0);
}

/* What was never touched is no memory, though its chunks count as dirty. */
static void test_untouched(void **state) {
    (void)state;
    give(take(100000));
    assert_true(block_totals.dirty > 0);
    assert_int_equal(trim(), 0);
    assert_int_equal(block_totals.dirty, 0);
    char *object = take((size_t)8 << 20); /* goes at once when freed, not by the cap */
    object[0] = object[(4 << 20)] = 1;
    give(object);
    assert_int_equal(trim(), 0);
}

static void test_inside_slabs(void **state) {
    (void)state;
    enum { OBJECTS = 190 }; /* of so few slabs that nothing goes before */
    static char *objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = take(1000);
        memset(objects[i], 1, 1000);
    }
    (void)trim();
    assert_int_equal(trim(), 0);
    for (size_t i = 1; i < OBJECTS; i++) {
        if (i % 32 != 0) {
            give(objects[i]);
        }
    }
    size_t went = trim();
    assert_true(went > OBJECTS * 1000 / 2);
    assert_int_equal(trim(), 0);
    for (size_t i = 0; i < OBJECTS; i += 32) {
        assert_int_equal(objects[i][999], 1);
        give(objects[i]);
    }
    assert_intact();
}

/* --- spare chunks of threads that run --------------------------------------------------------- */

enum { SPARES = 3 };

static pthread_barrier_t barrier;
static uintptr_t chunks[SPARES];

static void *have_spares(void *unused) {
    (void)unused;
    give(take(16));
    for (size_t i = 0; i < SPARES; i++) {
        chunks[i] = chunks_take(1, CHUNK_SIZE).address;
        memset((void *)chunks[i], 1, CHUNK_SIZE);
    }
    for (size_t i = 0; i < SPARES; i++) {
        spare_give(heap_self(), chunks[i]);
    }
    assert_int_equal(spare_count(heap_self()), SPARES);
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_barrier_wait(&barrier);
    assert_int_equal(spare_count(heap_self()), 0);
    return NULL;
}

static void test_spares_of_others(void **state) {
    (void)state;
    spare_note_cpus(2); /* also where the test may use one only: the allowance depends on it */
    pthread_t thread;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, have_spares, NULL), 0);
    (void)pthread_barrier_wait(&barrier);
    assert_int_equal(trim(), SPARES * CHUNK_SIZE);
    for (size_t i = 0; i < SPARES; i++) {
        assert_int_equal(os_resident_bytes((void *)chunks[i], CHUNK_SIZE), 0);
    }
    (void)pthread_barrier_wait(&barrier);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_barrier_destroy(&barrier);
    assert_intact();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_to_give, start_clean),
        cmocka_unit_test_setup(test_untouched, start_clean),
        cmocka_unit_test_setup(test_inside_slabs, start_clean),
        cmocka_unit_test_setup(test_spares_of_others, start_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
