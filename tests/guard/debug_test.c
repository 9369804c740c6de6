/* The debug profile over the core, with the checker: what it gives, and what it finds. */
#include "guard/debug.h"

#include <string.h>

#include "config/options.h"
#include "core/interceptor.h"
#include "core/threads.h"
#include "core/trim.h"
#include "guard/leaks.h"
#include "guard/record.h"
#include "support/dies.h"
#include "support/exchange.h"
#include "support/first_class.h"

enum { MANY = PLACES, ROUNDS = 8000 };

static void memory_is_filled(void **state) {
    (void)state;
    for (size_t size = 1; size < 70000; size += 1 + size / 7) {
        unsigned char *object = take(size);
        assert_int_equal(usable(object), size);
        assert_int_equal(object[0], FILL_FRESH);
        assert_int_equal(object[size - 1], FILL_FRESH);
        give(object);
        if (size + REAR_LEAST <= NARROW_MAX) {
            assert_int_equal(object[0], FILL_FREED);
            assert_int_equal(object[size - 1], FILL_FREED);
        }
        object = take_zeroed(size);
        assert_int_equal(object[0] | object[size / 2] | object[size - 1], 0);
        give(object);
    }
    assert_true(debug_check("test"));
    assert_intact();
}

static void what_is_too_large_is_refused(void **state) {
    (void)state;
    static const size_t wanted[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 40, SIZE_MAX};
    for (size_t size = 1; size < 3 << 20; size = size * 8 + 1) {
        char *object = take(size);
        object[size - 1] = 7;
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            assert_null(take(wanted[i]));
            assert_null(resize(object, wanted[i]));
            assert_false(resize_in_place("cairn_expand", object, wanted[i]));
            assert_int_equal(usable(object), size);
            assert_int_equal(object[size - 1], 7);
        }
        give(object);
    }
}

static void threads_free_each_others_objects(void **state) {
    (void)state;
    pthread_t threads[3];
    struct exchange exchanges[3];
    for (unsigned i = 0; i < 3; i++) {
        exchanges[i] = (struct exchange){i + 1, ROUNDS};
        assert_int_equal(pthread_create(&threads[i], NULL, exchange, &exchanges[i]), 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        assert_true(debug_check("test"));
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
    empty_places();
    (void)trim();
    assert_intact();
    assert_true(debug_check("test"));
}

static void anybody_may_look_meanwhile(void **state) {
    (void)state;
    look_while_threads_come_and_go(25, 100, debug_check);
}

static void objects_of_a_heap_stay_in_it(void **state) {
    (void)state;
    assert_heaps_keep_their_objects();
}

static void forks_go_on(void **state) {
    (void)state;
    assert_forks_go_on(5, (struct fork){ROUNDS, debug_check});
}

/* --- what is found ---------------------------------------------------------------------------- */

struct mistake {
    size_t size;
    ptrdiff_t at;
    char value;
};

static void write_there(void *argument) {
    const struct mistake *mistake = argument;
    char *object = take(mistake->size);
    object[mistake->at] = mistake->value;
    give(object);
}

static void check_after_writing(void *argument) {
    const struct mistake *mistake = argument;
    char *object = take(mistake->size);
    object[mistake->at] = mistake->value;
    (void)debug_check("cairn_check");
}

static void a_write_behind_an_object_is_found(void **state) {
    (void)state;
    for (size_t size = 1; size < 70000; size = size * 2 + 5) {
        struct mistake mistake = {size, (ptrdiff_t)size, 0};
        char text[100];
        (void)snprintf(text, sizeof text,
                       "1 byte was changed behind an object of %zu bytes, from offset %zu on: "
                       "found 00",
                       size, size);
        assert_dies(write_there, &mistake, text);
        assert_dies(check_after_writing, &mistake, text);
    }
}

static void write_before_second(void *argument) {
    const struct mistake *mistake = argument;
    char *objects[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        objects[i] = take(mistake->size);
    }
    for (unsigned i = 0; i < MANY; i++) {
        if ((uintptr_t)objects[i] % CHUNK_SIZE != 0) { /* it has a neighbour before it */
            objects[i][mistake->at] = mistake->value;
            give(objects[i]);
        }
    }
}

static void a_write_before_an_object_is_found(void **state) {
    (void)state;
    struct mistake mistake = {112, -1, 0};
    assert_dies(write_before_second, &mistake,
                "1 byte was changed before an object of 112 bytes, from offset -1 on: found 00");
}

static void write_after_free(void *argument) {
    const struct mistake *mistake = argument;
    char *object = take(mistake->size);
    give(object);
    object[mistake->at] = 1;
    (void)debug_check("cairn_check");
}

static void write_after_free_and_exit(void *argument) {
    const struct mistake *mistake = argument;
    char *object = take(mistake->size);
    give(object);
    object[mistake->at] = 1;
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned j = 0; j < MANY; j++) {
            places[j] = take(mistake->size);
        }
        empty_places();
    }
}

static void a_write_after_free_is_found(void **state) {
    (void)state;
    for (size_t size = 16; size <= 10000; size *= 5) {
        struct mistake mistake = {size, (ptrdiff_t)size / 2, 1};
        char text[160];
        (void)snprintf(text, sizeof text,
                       "1 byte was changed after the free of an object of %zu bytes, from offset "
                       "%zu on: found 01",
                       size, size / 2);
        assert_dies(write_after_free, &mistake, text);
        if (size <= 400) {
            assert_dies(write_after_free_and_exit, &mistake, text);
        }
    }
}

static void free_twice(void *argument) {
    void *object = take(*(size_t *)argument);
    give(object);
    give(object);
}

static void both_stacks_of_a_double_free_are_told(void **state) {
    (void)state;
    assert_dies(free_twice, &(size_t){100}, "double free of an object of 100 bytes");
    assert_dies(free_twice, &(size_t){100}, "allocated by thread");
    assert_dies(free_twice, &(size_t){100}, "freed by thread");
}

/* --- failing on request ----------------------------------------------------------------------- */

static int fail_third(void *unused) {
    (void)unused;
    options.fail_nth = 0;
    void *a = take(10);
    give(a);
    options.fail_one_in = 4;
    unsigned failed = 0;
    for (unsigned i = 0; i < 4000; i++) {
        void *object = take(10);
        failed += object == NULL;
        give(object);
    }
    return failed > 800 && failed < 1200 ? 0 : 1;
}

static void allocations_fail_on_request(void **state) {
    (void)state;
    assert_int_equal(in_child(fail_third, NULL), 0);
}

/* --- leaks ------------------------------------------------------------------------------------ */

/* All writable memory is read: a sanitizer's tables are too much of it. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FINDS_LEAKS

static void *kept_here;

__attribute__((noinline)) static void lose(size_t size, volatile unsigned count) {
    while (count-- != 0) {
        char *volatile object = take(size);
        object[0] = 1;
        object = NULL;
    }
}

__attribute__((noinline)) static void clear_stack(void) {
    volatile char stack[8192];
    for (size_t i = 0; i < sizeof stack; i++) {
        stack[i] = 0;
    }
}

enum { MANY_LOST = 30 };

static void leak_and_report(void *unused) {
    (void)unused;
    kept_here = take(1000);
    *(void **)kept_here = take(2000); /* reached by way of the other */
    lose(77, MANY_LOST);
    clear_stack();
    leaks_report();
    abort();
}

static void leaks_are_told_apart(void **state) {
    (void)state;
    /* Not how many: an old pointer in a register or on the stack keeps one or another. */
    assert_dies(leak_and_report, NULL, " objects that nothing points to\n  ");
    assert_dies(leak_and_report, NULL, " that were not freed, but something points to");
    assert_dies(leak_and_report, NULL, "1000 bytes in 1 object, allocated at:");
    assert_dies(leak_and_report, NULL, "2000 bytes in 1 object, allocated at:");
}
#endif

int main(void) {
    threads_start();        /* forks are among the tests */
    char *early = take(40); /* of before the profile began */
    debug_start();
    give(resize(early, 400));
    const struct CMUnitTest tests[] = {
#ifdef FINDS_LEAKS
        cmocka_unit_test(leaks_are_told_apart),
#endif
        cmocka_unit_test(memory_is_filled),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(threads_free_each_others_objects),
        cmocka_unit_test(anybody_may_look_meanwhile),
        cmocka_unit_test(objects_of_a_heap_stay_in_it),
        cmocka_unit_test(forks_go_on),
        cmocka_unit_test(a_write_behind_an_object_is_found),
        cmocka_unit_test(a_write_before_an_object_is_found),
        cmocka_unit_test(a_write_after_free_is_found),
        cmocka_unit_test(both_stacks_of_a_double_free_are_told),
        cmocka_unit_test(allocations_fail_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
