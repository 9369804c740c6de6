/* Shared pools, by several threads at once. */
#include <cairn/pool.h>

#include <sched.h>
#include <stdatomic.h>

#include "core/threads.h"
#include "regions/pool_checks.h"
#include "regions/pool_parts.h"
#include "support/child.h"
#include "support/dies.h"
#include "support/random.h"
#include "support/tight_allocator.h"

enum { THREADS = 4, ROUNDS = 20000, HELD = 40, PASSED = 8 };

struct message {
    uint64_t owner, check;
};

static struct cairn_pool common;
static void *_Atomic passed[PASSED];
static _Atomic(size_t) refused;

static struct message *take_message(uint64_t owner) {
    struct message *message = cairn_pool_take(&common);
    if (message == NULL) {
        refused++;
        return NULL;
    }
    *message = (struct message){owner, ~owner};
    return message;
}

static void give_message(struct message *message) {
    REQUIRE(message->owner == ~message->check);
    cairn_pool_give(&common, message);
}

/* Keeps some, passes some to whoever comes by, gives what others passed. */
static void *take_and_give(void *argument) {
    struct message *held[HELD] = {0};
    uint64_t random = (uintptr_t)argument;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct message **place = &held[random_below(&random, HELD)];
        if (*place == NULL) {
            *place = take_message((uintptr_t)argument << 32 | round);
        } else if (random_below(&random, 3) == 0) {
            struct message *other = atomic_exchange(&passed[random_below(&random, PASSED)], *place);
            *place = other;
        } else {
            struct cairn_handle handle = cairn_pool_handle(&common, *place);
            REQUIRE(cairn_pool_get(&common, handle) == *place);
            give_message(*place);
            *place = NULL;
        }
    }
    for (size_t i = 0; i < HELD; i++) {
        if (held[i] != NULL) {
            give_message(held[i]);
        }
    }
    return NULL;
}

static void hammer(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < PASSED; i++) {
        struct message *message = atomic_exchange(&passed[i], NULL);
        if (message != NULL) {
            give_message(message);
        }
    }
    assert_int_equal(cairn_pool_statistics(&common).live, 0);
    assert_sound(&common);
}

static void serves_threads_growing(void **state) {
    (void)state;
    /* Again and again, so that threads meet while they grow the pool. */
    for (int round = 0; round < 5; round++) {
        struct tight_allocator tight = {.limit = SIZE_MAX};
        const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
        make(&common, 1024,
             (struct cairn_pool_options){
                 .allocator = &allocator, .shared = true, .handles = true, .first = 4});
        hammer();
        assert_int_equal(refused, 0);
        cairn_pool_destroy(&common);
        assert_int_equal(tight.used, 0);
    }
}

/* So few objects that threads find it full; afterwards each of them can still be taken. */
static void serves_threads_fixed(void **state) {
    (void)state;
    static char memory[4096];
    const struct cairn_pool_options options = {.shared = true, .handles = true, .most = 20};
    assert_true(
        cairn_pool_init_fixed(&common, sizeof(struct message), memory, sizeof memory, &options));
    hammer();
    assert_true(refused > 0);
    for (size_t i = 0; i < 20; i++) {
        assert_non_null(cairn_pool_take(&common));
    }
    assert_null(cairn_pool_take(&common));
    cairn_pool_destroy(&common);
}

enum { RACES = 100000 };

static _Atomic(uint64_t) raced; /* a handle */
static _Atomic(int) started, given, finished;

/* Yields late, as what is awaited is to be seen at once. */
static void await(const _Atomic(int) *number, int value) {
    for (int i = 0; *number != value; i++) {
        (void)(i > 1000 && sched_yield());
    }
}

static void give_raced(void) {
    struct cairn_handle handle = {(uint32_t)(raced >> 32), (uint32_t)raced};
    given += cairn_pool_give_handle(&common, handle);
    finished++;
}

static void *race(void *unused) {
    for (int i = 1; i <= RACES; i++) {
        await(&started, i);
        give_raced();
    }
    return unused;
}

/* Of two threads that give the same handle back, one does, and the other is told that it is
 * stale. */
static void gives_a_handle_back_once(void **state) {
    (void)state;
    pthread_t other;
    make(&common, 16, (struct cairn_pool_options){.shared = true, .handles = true});
    assert_int_equal(pthread_create(&other, NULL, race, NULL), 0);
    for (int i = 1; i <= RACES; i++) {
        struct cairn_handle handle = cairn_pool_handle(&common, cairn_pool_take(&common));
        raced = (uint64_t)handle.index << 32 | handle.generation;
        given = finished = 0;
        started = i;
        give_raced();
        await(&finished, 2);
        assert_int_equal(given, 1);
    }
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_sound(&common);
    cairn_pool_destroy(&common);
}

/* --- fork ------------------------------------------------------------------------------------- */

/* More than what is there, and all of it back. */
static int grow_in_child(void *unused) {
    (void)unused;
    void *objects[200];
    for (size_t i = 0; i < 200; i++) {
        REQUIRE((objects[i] = cairn_pool_take(&common)) != NULL);
    }
    for (size_t i = 0; i < 200; i++) {
        cairn_pool_give(&common, objects[i]);
    }
    cairn_pool_destroy(&common);
    return 0;
}

/* A thread that is gone had claimed a place for its chunk, and come no further. */
static int grow_in_the_middle(void *tight) {
    struct cairn_pool_chunk *chunk = pool_chunk_new(&common, 1, common.capacity);
    REQUIRE(pool_chunk_claim(&common, 1, chunk) == chunk);
    REQUIRE(pool_chunk_claim(&common, 1, NULL) == chunk);
    (void)grow_in_child(NULL);
    return ((struct tight_allocator *)tight)->used != 0;
}

static void goes_on_after_a_fork_in_the_middle(void **state) {
    (void)state;
    struct tight_allocator tight = {.limit = SIZE_MAX};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    make(&common, 1024,
         (struct cairn_pool_options){.allocator = &allocator, .shared = true, .first = 4});
    void *first = cairn_pool_take(&common);
    assert_int_equal(in_child(grow_in_the_middle, &tight), 0);
    cairn_pool_give(&common, first);
    cairn_pool_destroy(&common);
}

static _Atomic(bool) forking;

static void *keep_growing(void *unused) {
    while (forking) {
        void *objects[40];
        for (size_t i = 0; i < 40; i++) {
            objects[i] = cairn_pool_take(&common);
        }
        for (size_t i = 0; i < 40; i++) {
            cairn_pool_give(&common, objects[i]);
        }
    }
    return unused;
}

/* Each child ends, whatever the other threads were doing. */
static void a_child_uses_what_others_were_growing(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        pthread_t threads[2];
        make(&common, 1024, (struct cairn_pool_options){.shared = true, .first = 4});
        forking = true;
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, keep_growing, NULL), 0);
        }
        assert_int_equal(in_child(grow_in_child, NULL), 0);
        forking = false;
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_sound(&common);
        cairn_pool_destroy(&common);
    }
}

int main(void) {
    threads_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_threads_growing),
        cmocka_unit_test(serves_threads_fixed),
        cmocka_unit_test(gives_a_handle_back_once),
        cmocka_unit_test(goes_on_after_a_fork_in_the_middle),
        cmocka_unit_test(a_child_uses_what_others_were_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
