/* Limits on what the heap holds: kept exactly, and what happens at them. */
#include "core/limit.h"

#include <errno.h>
#include <string.h>

#include "core/large.h"
#include "core/prefault.h"
#include "core/spare.h"
#include "core/threads.h"
#include "os/os.h"
#include "support/core.h"
#include "support/random.h"

static size_t held(void) { return block_totals.taken + block_totals.dirty; }

static int clean_up(void **state) {
    (void)state;
    limit_set_handler(NULL, NULL);
    limit_set_soft(0);
    limit_set_hard(0);
    give(take(16)); /* a heap */
    threads_flush();
    (void)chunks_purge_all();
    return 0;
}

/* --- soft ------------------------------------------------------------------------------------- */

static void test_nothing_kept_above_soft(void **state) {
    (void)state;
    enum { MANY = 20 };
    uintptr_t chunks[MANY];
    for (size_t i = 0; i < MANY; i++) {
        chunks[i] = chunks_take(1, CHUNK_SIZE).address;
    }
    size_t soft = block_totals.taken - 5;
    limit_set_soft(soft * CHUNK_SIZE + CHUNK_SIZE / 2);
    for (size_t i = 0; i < MANY; i++) {
        chunks_give(chunks[i], 1, true);
        assert_true(block_totals.dirty == 0 || held() <= soft);
        assert_int_equal(block_totals.dirty, i < 5 ? 0 : i - 4); /* kept as far as there is room */
    }
    limit_set_soft(1);
    assert_int_equal(block_totals.dirty, 0);
    assert_intact();
}

/* A run that must be clean goes beyond the limit: what is dirty elsewhere goes. */
static void test_taking_above_soft(void **state) {
    (void)state;
    uintptr_t chunk = chunks_take(1, CHUNK_SIZE).address, wall = chunks_take(1, CHUNK_SIZE).address;
    chunks_give(chunk, 1, true);
    assert_int_equal(block_totals.dirty, 1);
    limit_set_soft((block_totals.taken + 10) * CHUNK_SIZE);
    assert_int_equal(block_totals.dirty, 1);
    struct run run = chunks_take(12, CHUNK_SIZE);
    assert_true(run.dirty == 0);
    assert_int_equal(block_totals.dirty, 0);
    chunks_give(run.address, 12, true);
    chunks_give(wall, 1, true);
}

static void test_no_spares_above_soft(void **state) {
    (void)state;
    uintptr_t chunks[4];
    for (size_t i = 0; i < 4; i++) {
        chunks[i] = chunks_take(1, CHUNK_SIZE).address;
    }
    spare_give(heap_self(), chunks[0]);
    spare_give(heap_self(), chunks[1]);
    assert_int_equal(spare_count(heap_self()), 2);
    limit_set_soft(1);
    assert_int_equal(spare_count(heap_self()), 0);
    spare_give(heap_self(), chunks[2]);
    assert_int_equal(spare_count(heap_self()), 0);
    limit_set_soft(0);
    spare_give(heap_self(), chunks[3]);
    assert_int_equal(spare_count(heap_self()), 1);
}

static void test_no_prefaulting_above_soft(void **state) {
    (void)state;
    struct run run = chunks_take(32, CHUNK_SIZE);
    char *memory = (char *)run.address;
    (void)os_purge(memory, 32 * CHUNK_SIZE);
    limit_set_soft(1);
    prefault_growth(run.address, CHUNK_SIZE, 1 << 30);
    assert_int_equal(os_resident_bytes(memory, CHUNK_SIZE), 0);
    limit_set_soft(0);
    prefault_growth(run.address, CHUNK_SIZE, 1 << 30);
    assert_int_equal(os_resident_bytes(memory, CHUNK_SIZE), CHUNK_SIZE);
    chunks_give(run.address, 32, true);
}

/* --- hard ------------------------------------------------------------------------------------- */

static void test_hard_is_exact(void **state) {
    (void)state;
    size_t before = block_totals.taken;
    limit_set_hard((before + 100) * CHUNK_SIZE);
    struct run all = chunks_take(100, CHUNK_SIZE);
    assert_true(all.address != 0);
    assert_int_equal(chunks_take(1, CHUNK_SIZE).address, 0);
    bool zeroed;
    assert_false(chunks_extend(all.address + 100 * CHUNK_SIZE, 1, &zeroed));
    chunks_give(all.address, 100, true);
    assert_int_equal(chunks_take(101, CHUNK_SIZE).address, 0);
    assert_int_equal(chunks_take(SIZE_MAX / CHUNK_SIZE / 2, CHUNK_SIZE).address, 0);
    all = chunks_take(100, CHUNK_SIZE);
    assert_true(all.address != 0);
    chunks_give(all.address, 100, true);
    assert_intact();
}

/* Dirty chunks that are of no use for a request make room for it; those that are of use stay. */
static void test_hard_purges(void **state) {
    (void)state;
    enum { MANY = 20 };
    uintptr_t chunks[MANY];
    for (size_t i = 0; i < MANY; i++) {
        chunks[i] = chunks_take(1, CHUNK_SIZE).address;
    }
    for (size_t i = 0; i < MANY; i += 2) {
        chunks_give(chunks[i], 1, true);
    }
    limit_set_hard(held() * CHUNK_SIZE);
    size_t purged = block_totals.purged_bytes;
    chunks[0] = chunks_take(1, CHUNK_SIZE).address;
    assert_true(chunks[0] != 0);
    assert_int_equal(block_totals.purged_bytes, purged);
    struct run run = chunks_take(5, CHUNK_SIZE);
    assert_true(run.address != 0);
    assert_true(held() <= limits.hard);
    assert_int_equal(block_totals.purged_bytes, purged + 5 * CHUNK_SIZE);
    assert_int_equal(chunks_take(5, CHUNK_SIZE).address, 0);
    chunks_give(run.address, 5, true);
    chunks_give(chunks[0], 1, true);
    for (size_t i = 1; i < MANY; i += 2) {
        chunks_give(chunks[i], 1, true);
    }
}

/* Below what is held: nothing is added, all can be given back. */
static void test_hard_below_held(void **state) {
    (void)state;
    uintptr_t a = chunks_take(10, CHUNK_SIZE).address, b = chunks_take(10, CHUNK_SIZE).address;
    limit_set_hard((block_totals.taken - 5) * CHUNK_SIZE);
    assert_int_equal(block_totals.dirty, 0);
    assert_int_equal(chunks_take(1, CHUNK_SIZE).address, 0);
    chunks_give(a, 10, true);
    assert_true(held() <= limits.hard);
    a = chunks_take(5, CHUNK_SIZE).address;
    assert_true(a != 0);
    chunks_give(a, 5, true);
    chunks_give(b, 10, true);
}

static void test_requests_fail_with_enomem(void **state) {
    (void)state;
    enum { MOST = 4000 };
    static void *objects[MOST];
    limit_set_hard((held() + 64) * CHUNK_SIZE);
    for (size_t size = 16; size < 200000; size *= 5) {
        size_t count = 0;
        errno = 0;
        while (count < MOST && (objects[count] = take(size)) != NULL) {
            memset(objects[count++], 1, size < 64 ? size : 64);
        }
        assert_true(count == MOST || errno == ENOMEM);
        assert_true(held() <= limits.hard);
        assert_true(count == MOST || count * size >= 60 * CHUNK_SIZE / 2);
        while (count > 0) {
            give(objects[--count]);
        }
    }
    void *object = take(20 * CHUNK_SIZE);
    assert_non_null(object);
    memset(object, 7, 20 * CHUNK_SIZE);
    assert_null(resize(object, 100 * CHUNK_SIZE));
    assert_int_equal(((char *)object)[20 * CHUNK_SIZE - 1], 7);
    give(object);
    assert_intact();
}

/* What is kept without need, by whatever thread, goes before a request fails. */
static void *keep_spares(void *unused) {
    (void)unused;
    give(take(16));
    for (size_t i = 0; i < 4; i++) {
        spare_give(heap_self(), chunks_take(1, CHUNK_SIZE).address);
    }
    assert_int_equal(spare_count(heap_self()), 4);
    limit_set_hard(held() * CHUNK_SIZE);
    void *object = take(4 * CHUNK_SIZE);
    assert_non_null(object);
    give(object);
    limit_set_hard(0);
    return NULL;
}

static void test_hoards_go_first(void **state) {
    (void)state;
    spare_note_cpus(2); /* also where the test may use one only: the allowance depends on it */
    in_thread(keep_spares, NULL);
}

/* --- the handler ------------------------------------------------------------------------------ */

static struct {
    unsigned calls;
    size_t bytes;
    void *cache[8];
    size_t cached;
    enum cairn_limit_answer answer;
    bool failed_within;
} asked;

static enum cairn_limit_answer answer(void *context, size_t bytes) {
    assert_ptr_equal(context, &asked);
    asked.calls++;
    asked.bytes = bytes;
    asked.failed_within = take(64 * CHUNK_SIZE) == NULL;
    if (asked.cached > 0) {
        give(asked.cache[--asked.cached]);
        return CAIRN_LIMIT_RETRY;
    }
    errno = EILSEQ;
    return asked.answer;
}

static void fill_cache(void) {
    memset(&asked, 0, sizeof asked);
    for (; asked.cached < 8; asked.cached++) {
        asked.cache[asked.cached] = take(2 * CHUNK_SIZE);
    }
    limit_set_handler(answer, &asked);
    limit_set_hard(held() * CHUNK_SIZE);
}

static void test_handler_frees(void **state) {
    (void)state;
    fill_cache();
    errno = 0;
    void *object = take(6 * CHUNK_SIZE);
    assert_non_null(object);
    assert_int_equal(asked.calls, 3);
    assert_int_equal(asked.bytes, 6 * CHUNK_SIZE);
    assert_true(asked.failed_within); /* and did not ask again from within */
    assert_int_equal(errno, 0);
    asked.answer = CAIRN_LIMIT_REFUSE;
    assert_null(take(17 * CHUNK_SIZE));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(asked.calls, 3 + 5 + 1);
    give(object);
}

static void test_handler_lets_pass(void **state) {
    (void)state;
    fill_cache();
    asked.answer = CAIRN_LIMIT_EXCEED;
    for (size_t i = 0; i < 8; i++) {
        give(asked.cache[i]);
    }
    asked.cached = 0;
    void *object = take(20 * CHUNK_SIZE);
    assert_non_null(object);
    assert_int_equal(asked.calls, 1);
    assert_true(held() > limits.hard);
    asked.answer = CAIRN_LIMIT_REFUSE;
    assert_null(take(2 * CHUNK_SIZE));
    assert_int_equal(asked.calls, 2);
    give(object);
    assert_true(held() <= limits.hard);
}

/* Small objects too, and from a handler that says again and again that it freed something. */
static void test_handler_is_asked_often_only(void **state) {
    (void)state;
    memset(&asked, 0, sizeof asked);
    asked.answer = CAIRN_LIMIT_RETRY;
    limit_set_handler(answer, &asked);
    void *object = take(2 * CHUNK_SIZE);
    limit_set_hard(1);
    assert_null(take(16000));
    assert_int_equal(asked.calls, 16);
    assert_int_equal(asked.bytes, 16000);
    give(object);
}

/* The kernel's refusals are none of the handler's business. */
static void test_handler_is_for_the_limit_only(void **state) {
    (void)state;
    memset(&asked, 0, sizeof asked);
    limit_set_handler(answer, &asked);
    assert_null(take((size_t)1 << 46));
    assert_int_equal(asked.calls, 0);
}

/* --- threads ---------------------------------------------------------------------------------- */

static _Atomic(size_t) most_held;
static _Atomic(size_t) refused;

static void watch(size_t taken) {
    size_t most = most_held;
    while (taken > most && !atomic_compare_exchange_weak(&most_held, &most, taken)) {}
}

static void *hammer(void *argument) {
    enum { PLACES = 64 };
    void *places[PLACES] = {0};
    uint64_t random = (uintptr_t)argument;
    for (int i = 0; i < 20000; i++) {
        size_t place = random_below(&random, PLACES);
        size_t size = 1 + random_below(&random, i % 50 == 0 ? 600000 : 20000);
        give(places[place]);
        places[place] = take(size);
        refused += places[place] == NULL;
    }
    for (size_t i = 0; i < PLACES; i++) {
        give(places[i]);
    }
    return NULL;
}

static void test_never_exceeded(void **state) {
    (void)state;
    enum { THREADS = 4, ROOM = 150 };
    pthread_t threads[THREADS];
    chunks_watcher = watch;
    limit_set_hard((held() + ROOM) * CHUNK_SIZE);
    limit_set_soft((held() + ROOM / 2) * CHUNK_SIZE);
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    chunks_watcher = NULL;
    print_message("%zu of %zu chunks, %zu requests refused\n", (size_t)most_held,
                  (size_t)limits.hard, (size_t)refused);
    assert_true(most_held <= limits.hard && most_held > limits.hard * 9 / 10 && refused > 0);
    assert_intact();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_kept_above_soft, clean_up),
        cmocka_unit_test_setup(test_taking_above_soft, clean_up),
        cmocka_unit_test_setup(test_no_spares_above_soft, clean_up),
        cmocka_unit_test_setup(test_no_prefaulting_above_soft, clean_up),
        cmocka_unit_test_setup(test_hard_is_exact, clean_up),
        cmocka_unit_test_setup(test_hard_purges, clean_up),
        cmocka_unit_test_setup(test_hard_below_held, clean_up),
        cmocka_unit_test_setup(test_requests_fail_with_enomem, clean_up),
        cmocka_unit_test_setup(test_hoards_go_first, clean_up),
        cmocka_unit_test_setup(test_handler_frees, clean_up),
        cmocka_unit_test_setup(test_handler_lets_pass, clean_up),
        cmocka_unit_test_setup(test_handler_is_asked_often_only, clean_up),
        cmocka_unit_test_setup(test_handler_is_for_the_limit_only, clean_up),
        cmocka_unit_test_setup(test_never_exceeded, clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
