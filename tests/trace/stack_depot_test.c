/* The depot against the stacks that were put into it. */
#include "trace/stack_depot.h"

#include "support/core.h"
#include "support/random.h"

/* The i-th of a series of stacks that all differ, of 1 to STACK_FRAMES frames. */
static struct stack made_up(uint32_t i) {
    struct stack stack = {.count = 1 + i % STACK_FRAMES};
    uint64_t seed = i;
    for (uint32_t f = 0; f < stack.count; f++) {
        stack.frame[f] = random_below(&seed, UINT64_C(1) << 47);
    }
    stack.frame[stack.count - 1] = i;
    return stack;
}

static void assert_same(const struct stack *a, const struct stack *b) {
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->frame, b->frame, a->count * sizeof a->frame[0]);
}

static void test_nothing_kept(void **state) {
    (void)state;
    struct stack stack = {.count = 7};
    assert_false(stack_depot_find(0, &stack));
    assert_false(stack_depot_find(1, &stack));
    assert_int_equal(stack.count, 0);
    assert_int_equal(stack_depot_keep(&stack), 0);
}

static void test_each_once(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static uint32_t ids[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        struct stack stack = made_up(i);
        ids[i] = stack_depot_keep(&stack);
        assert_int_not_equal(ids[i], 0);
        assert_int_equal(stack_depot_keep(&stack), ids[i]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        struct stack stack = made_up(i);
        struct stack found;
        assert_int_equal(stack_depot_keep(&stack), ids[i]);
        assert_true(stack_depot_find(ids[i], &found));
        assert_same(&found, &stack);
    }
}

static void test_other_numbers(void **state) {
    (void)state;
    struct stack stack = made_up(1);
    struct stack found;
    uint32_t id = stack_depot_keep(&stack);
    assert_false(stack_depot_find(id + 1, &found));
    assert_false(stack_depot_find(id - 1, &found));
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        (void)stack_depot_find((uint32_t)random_below(&seed, UINT64_C(1) << 32), &found);
        assert_true(found.count <= STACK_FRAMES);
    }
    assert_false(stack_depot_find(UINT32_MAX, &found));
}

/* Threads that keep the same stacks at the same time get the same numbers. */
enum { THREADS = 4, SHARED = 5000 };
static uint32_t of_thread[THREADS][SHARED];

static void *keep_all(void *ids) {
    for (uint32_t i = 0; i < SHARED; i++) {
        struct stack stack = made_up(1000000 + i);
        ((uint32_t *)ids)[i] = stack_depot_keep(&stack);
    }
    return NULL;
}

static void test_threads_agree(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, keep_all, of_thread[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    for (uint32_t i = 0; i < SHARED; i++) {
        struct stack stack = made_up(1000000 + i);
        struct stack found;
        assert_true(stack_depot_find(of_thread[0][i], &found));
        assert_same(&found, &stack);
        for (int t = 1; t < THREADS; t++) {
            assert_int_equal(of_thread[t][i], of_thread[0][i]);
        }
    }
}

/* The last test: it fills the depot. */
static void test_bounded(void **state) {
    (void)state;
    uint32_t kept = 0;
    struct stack first = made_up(2000000);
    uint32_t id = stack_depot_keep(&first);
    for (uint32_t i = 2000001; i < 2400000; i++) {
        struct stack stack = made_up(i);
        kept += stack_depot_keep(&stack) != 0;
    }
    assert_true(kept > 100000 && kept < 399999);
    struct stack found;
    assert_int_equal(stack_depot_keep(&first), id);
    assert_true(stack_depot_find(id, &found));
    assert_same(&found, &first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_kept),  cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_other_numbers), cmocka_unit_test(test_threads_agree),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
