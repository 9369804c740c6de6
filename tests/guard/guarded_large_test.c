/* What waits between its guard pages, and for how long. */
#include "guard/guarded_large.h"

#include <string.h>

#include "core/block.h"
#include "core/large.h"
#include "guard/canary.h"
#include "os/os.h"
#include "support/core.h"

/* Both are cleared when they are freed; with their guard pages they are two chunks. */
enum { SIZE = 40000, OTHER = 50000, MANY = 1000 };

static struct large_quarantine quarantine;

static char *take_one(size_t size) {
    char *object = guarded_large_allocate(size, GRANULE, false, 0, &quarantine);
    assert_non_null(object);
    memset(object, 1, size);
    return object;
}

static void give_one(char *object) {
    assert_true(guarded_large_free(guarded_large_find((uintptr_t)object), &quarantine));
}

static int empty(void **state) {
    (void)state;
    large_quarantine_empty(&quarantine);
    threads_flush();
    assert_int_equal(quarantine.cleared_bytes, 0);
    assert_int_equal(quarantine.untouchable_bytes, 0);
    assert_int_equal(block_totals.taken, 0);
    assert_intact();
    return 0;
}

static void assert_is_clear(const char *object, size_t size) {
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(object[i], 0);
    }
}

/* Only once some others have come after it is one handed out again, clear. */
static void test_delay(void **state) {
    (void)state;
    char *objects[LARGE_DELAY + 1];
    for (size_t i = 0; i < LARGE_DELAY + 1; i++) {
        objects[i] = take_one(SIZE);
    }
    for (size_t i = 0; i < LARGE_DELAY; i++) {
        give_one(objects[i]);
    }
    char *fresh = take_one(SIZE);
    for (size_t i = 0; i < LARGE_DELAY; i++) {
        assert_ptr_not_equal(fresh, objects[i]);
    }
    give_one(objects[LARGE_DELAY]);
    char *again = guarded_large_allocate(SIZE, GRANULE, false, 0, &quarantine);
    assert_ptr_equal(again, objects[0]);
    assert_is_clear(again, SIZE);
    give_one(again);
    give_one(fresh);
}

/* The others may be of another size. */
static void test_delay_by_others(void **state) {
    (void)state;
    char *object = take_one(SIZE), *others[LARGE_DELAY];
    for (size_t i = 0; i < LARGE_DELAY; i++) {
        others[i] = take_one(OTHER);
    }
    give_one(object);
    for (size_t i = 0; i < LARGE_DELAY; i++) {
        char *fresh = take_one(SIZE);
        assert_ptr_not_equal(fresh, object);
        (void)guarded_large_free(guarded_large_find((uintptr_t)fresh), NULL);
        give_one(others[i]);
    }
    char *again = guarded_large_allocate(SIZE, GRANULE, false, 0, &quarantine);
    assert_ptr_equal(again, object);
    assert_is_clear(again, SIZE);
    give_one(again);
}

/* As many as are a share of what is taken: none of these has to get new guard pages. */
static void test_many_wait(void **state) {
    (void)state;
    static char *live[4 * MANY], *freed[MANY];
    for (size_t i = 0; i < MANY; i++) {
        for (size_t j = 0; j < 4; j++) {
            live[4 * i + j] = take_one(SIZE);
        }
        freed[i] = take_one(SIZE);
    }
    for (size_t i = 0; i < MANY; i++) {
        give_one(freed[i]);
    }
    size_t taken = block_totals.taken;
    assert_int_equal(quarantine.cleared_bytes, MANY * round_up(SIZE, os_page_size()));
    for (size_t i = 0; i < MANY - LARGE_DELAY; i++) {
        assert_ptr_equal(take_one(SIZE), freed[i]); /* the oldest first */
    }
    assert_int_equal(block_totals.taken, taken);
    for (size_t i = 0; i < MANY - LARGE_DELAY; i++) {
        give_one(freed[i]);
    }
    for (size_t i = 0; i < 4 * MANY; i++) {
        give_one(live[i]);
    }
}

/* Beyond the share the oldest goes, of the size of which there is most. */
static void test_share(void **state) {
    (void)state;
    static char *objects[MANY];
    char *other = take_one(OTHER);
    for (size_t i = 0; i < MANY; i++) {
        objects[i] = take_one(SIZE);
    }
    give_one(other);
    for (size_t i = 0; i < MANY; i++) {
        give_one(objects[i]);
        size_t taken = block_totals.taken * CHUNK_SIZE;
        size_t most = taken / LARGE_CLEARED_SHARE + 2 * SIZE;
        most = most > LARGE_CLEARED_BYTES ? most : LARGE_CLEARED_BYTES;
        assert_in_range(quarantine.cleared_bytes, SIZE, most + 2 * SIZE);
    }
    assert_true(chunk_owner(chunk_of(round_down((uintptr_t)other, CHUNK_SIZE))) == OWNER_WAITS);
    assert_true(chunk_is(chunk_of(round_down((uintptr_t)objects[0], CHUNK_SIZE)), CHUNK_RELEASED));
    assert_intact();
}

/* What is larger waits untouchable, in the order in which it came. */
static void test_untouchable(void **state) {
    (void)state;
    enum { LARGE = 200000 };
    char *objects[LARGE_DELAY + 1];
    for (size_t i = 0; i < LARGE_DELAY + 1; i++) {
        objects[i] = take_one(LARGE);
    }
    for (size_t i = 0; i < LARGE_DELAY; i++) {
        give_one(objects[i]);
    }
    char *fresh = take_one(LARGE);
    give_one(objects[LARGE_DELAY]);
    char *again = guarded_large_allocate(LARGE, GRANULE, false, 0, &quarantine);
    bool is_first = again == objects[0];
    bool can_wait = quarantine.untouchable_bytes != 0; /* this kernel has guard pages */
    assert_true(is_first || !can_wait);
    give_one(fresh);
    give_one(again);
}

static int start(void **state) {
    (void)state;
    canary_start();
    give(take(16));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_delay, empty),
        cmocka_unit_test_teardown(test_delay_by_others, empty),
        cmocka_unit_test_teardown(test_many_wait, empty),
        cmocka_unit_test_teardown(test_share, empty),
        cmocka_unit_test_teardown(test_untouchable, empty),
    };
    return cmocka_run_group_tests_name("guarded_large", tests, start, NULL);
}
