/* A thread that says that it is going to wait gives up what it holds for later. */
#include "core/idle.h"

#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/trim.h"
#include "os/os.h"
#include "support/core.h"

static size_t slabs_of(unsigned class) { return heap_self()->queues[class].slabs; }

static void test_without_heap(void **state) {
    (void)state;
    assert_int_equal(heap_distance, 0);
    idle();
    assert_int_equal(heap_distance, 0);
}

/* Bins, empty slabs and spares. */
static void test_all_goes(void **state) {
    (void)state;
    enum { SIZES = 40 };
    void *chunks[3], *objects[SIZES];
    for (size_t i = 0; i < 3; i++) {
        chunks[i] = take(CHUNK_SIZE);
    }
    for (size_t i = 0; i < SIZES; i++) { /* all live: or they would take each other's slabs */
        objects[i] = take((i + 1) * 50);
    }
    for (size_t i = 0; i < SIZES; i++) {
        give(objects[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        give(chunks[i]);
    }
    assert_true(block_totals.taken >= 20 && spare_count(heap_self()) > 0);
    idle();
    assert_int_equal(block_totals.taken, 0);
    assert_int_equal(spare_count(heap_self()), 0);
    assert_intact();
}

/* Pages inside slabs that stay. */
static void test_pages(void **state) {
    (void)state;
    enum { OBJECTS = 31 };
    char *objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = take(1024);
        memset(objects[i], 3, 1024);
    }
    char *slab = (char *)round_down((uintptr_t)objects[0], CHUNK_SIZE);
    assert_int_equal(os_resident_bytes(slab, CHUNK_SIZE), CHUNK_SIZE);
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i] != slab) {
            give(objects[i]);
        }
    }
    idle();
    assert_int_equal(slabs_of(class_of(1024)), 1);
    assert_int_equal(os_resident_bytes(slab, CHUNK_SIZE), os_page_size());
    assert_int_equal(slab[1023], 3);
    give(slab);
    idle();
    assert_int_equal(block_totals.taken, 0);
}

static void test_remote_frees_count(void **state) {
    (void)state;
    void *mine = take(500), *other = take(500);
    idle();
    size_t taken = block_totals.taken;
    give_remotely(mine);
    give_remotely(other);
    assert_int_equal(block_totals.taken, taken);
    idle();
    assert_int_equal(block_totals.taken, taken - 1);
}

/* Called again and again it does nothing, and its price is that of a look. */
static void test_cheap(void **state) {
    (void)state;
    enum { CALLS = 1000000 };
    void *kept[300];
    for (size_t i = 0; i < 300; i++) {
        kept[i] = take(5000);
    }
    idle();
    uint64_t refills = heap_self()->counters.refills;
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < CALLS; i++) {
        idle();
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    print_message("a call in vain: %.1f ns\n", ns / CALLS);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < CALLS / 1000; i++) {
        give(take(16));
        idle();
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    print_message("with something to do: %.1f ns\n", ns / CALLS * 1000);
    assert_int_equal(heap_self()->counters.refills, refills + CALLS / 1000);
    for (size_t i = 0; i < 300; i++) {
        give(kept[i]);
    }
    assert_intact();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_heap), cmocka_unit_test(test_all_goes),
        cmocka_unit_test(test_pages),        cmocka_unit_test(test_remote_frees_count),
        cmocka_unit_test(test_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
