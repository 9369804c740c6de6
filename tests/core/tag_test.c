/* Tags against what the test itself allocates. */
#include "core/tag.h"

#include <string.h>

#include "core/batch.h"
#include "core/trim.h"
#include "support/dies.h"
#include "support/random.h"

enum { MOST = 5000 };

static void *objects[MOST];

/* Objects of all sizes, small and large; what they take is added up. */
static void take_some(size_t count, uint64_t seed, uint64_t *bytes) {
    for (size_t i = 0; i < count; i++) {
        size_t size = random_below(&seed, i % 50 == 0 ? 100000 : 2000);
        objects[i] = i % 3 == 0 ? take_zeroed(size) : take(size);
        *bytes += good_size(size);
    }
}

static void give_some(size_t count) { batch_free("cairn_free_batch", objects, count); }

static void leave(struct cairn_tag_scope *scope) { tag_leave("cairn_tag_leave", scope); }

static void test_exact(void **state) {
    (void)state;
    static struct cairn_tag tag = CAIRN_TAG("exact");
    uint64_t bytes = 0, outside = 0;
    for (size_t round = 0; round < 20; round++) {
        struct cairn_tag_scope scope = tag_enter(&tag);
        take_some(round * 200, round, &bytes);
        if (round % 5 == 3) {
            (void)trim(); /* the bins are emptied meanwhile */
        }
        leave(&scope);
        leave(&scope);
        give_some(round * 200);
        take_some(100, round, &outside);
        give_some(100);
    }
    assert_int_equal(tag.objects, 200 * 190);
    assert_int_equal(tag.bytes, bytes);
}

static void test_batches(void **state) {
    (void)state;
    static struct cairn_tag tag = {.name = "batches"};
    struct cairn_tag_scope scope = tag_enter(&tag);
    for (size_t count = 0; count < 1000; count++) {
        assert_int_equal(batch_allocate(64, count, objects), count);
        give_some(count);
    }
    leave(&scope);
    assert_int_equal(tag.objects, 999 * 1000 / 2);
    assert_int_equal(tag.bytes, 999 * 1000 / 2 * 64);
}

static void test_nested(void **state) {
    (void)state;
    static struct cairn_tag outer = {.name = "outer"}, inner = {.name = "inner"};
    struct cairn_tag_scope first = tag_enter(&outer), none = tag_enter(NULL);
    give(take(100));
    struct cairn_tag_scope second = tag_enter(&inner);
    give(take(100));
    give(take(100));
    leave(&second);
    leave(&none);
    leave(&first);
    assert_int_equal(inner.objects, 2);
    assert_int_equal(outer.objects, 3);
    assert_int_equal(outer.bytes, 3 * 112);
}

struct job {
    struct cairn_tag *tag;
    uint64_t seed;
    uint64_t bytes;
};

static void *work(void *argument) {
    struct job *job = argument;
    void *mine[200];
    struct cairn_tag_scope scope = tag_enter(job->tag);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 200; i++) {
            size_t size = random_below(&job->seed, 3000);
            mine[i] = take(size);
            job->bytes += good_size(size);
        }
        batch_free("cairn_free_batch", mine, 200);
    }
    leave(&scope);
    return NULL;
}

/* Threads take over the heaps of those that have ended, and count their own only. */
static void test_threads(void **state) {
    (void)state;
    static struct cairn_tag tag = {.name = "threads"};
    uint64_t bytes = 0;
    for (uint64_t round = 0; round < 10; round++) {
        struct job first = {&tag, round, 0}, second = {&tag, round + 100, 0};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, work, &first), 0);
        in_thread(work, &second);
        assert_int_equal(pthread_join(thread, NULL), 0);
        bytes += first.bytes + second.bytes;
    }
    assert_int_equal(tag.objects, 10 * 2 * 50 * 200);
    assert_int_equal(tag.bytes, bytes);
}

static void count_name(void *context, const struct cairn_tag_view *tag) {
    *(unsigned *)context += strcmp(tag->name, "nested twice") == 0;
}

static void test_list(void **state) {
    (void)state;
    static struct cairn_tag tag = {.name = "nested twice"};
    unsigned count = 0;
    tag_visit_each(count_name, &count);
    assert_int_equal(count, 0);
    struct cairn_tag_scope first = tag_enter(&tag), second = tag_enter(&tag);
    leave(&second);
    leave(&first);
    tag_visit_each(count_name, &count);
    assert_int_equal(count, 1);
}

static void *leave_elsewhere(void *scope) {
    give(take(1));
    leave(scope);
    return NULL;
}

static void leave_in_thread(void *scope) { in_thread(leave_elsewhere, scope); }

static void test_wrong_thread(void **state) {
    (void)state;
    static struct cairn_tag tag = {.name = "wrong thread"};
    struct cairn_tag_scope scope = tag_enter(&tag);
    assert_dies(leave_in_thread, &scope, "the scope was entered by another thread");
    leave(&scope);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),  cmocka_unit_test(test_batches),
        cmocka_unit_test(test_nested), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_list),   cmocka_unit_test(test_wrong_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
