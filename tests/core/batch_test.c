/* Batches against what the same objects one by one would be. */
#include "core/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/block.h"
#include "core/statistics.h"
#include "support/child.h"
#include "support/dies.h"
#include "support/random.h"

enum { MOST = 3000 };

static void *objects[MOST];

static void take_batch(size_t size, size_t count) {
    assert_int_equal(batch_allocate(size, count, objects), count);
}

static void give_batch(size_t count) { batch_free("cairn_free_batch", objects, count); }

static void shuffle(void **array, size_t count, uint64_t *state) {
    for (size_t i = count; i > 1; i--) {
        size_t other = random_next(state) % i;
        void *swapped = array[i - 1];
        array[i - 1] = array[other];
        array[other] = swapped;
    }
}

static int by_address(const void *a, const void *b) {
    uintptr_t first = (uintptr_t) * (void *const *)a, second = (uintptr_t) * (void *const *)b;
    return (first > second) - (first < second);
}

/* Live, of the size, and no two the same. */
static void assert_objects(size_t size, size_t count) {
    static void *sorted[MOST];
    memcpy(sorted, objects, count * sizeof *objects);
    qsort(sorted, count, sizeof *sorted, by_address);
    for (size_t i = 0; i < count; i++) {
        size_t usable = usable_size("malloc_usable_size", sorted[i]);
        assert_int_equal(usable, good_size(size));
        assert_int_equal((uintptr_t)sorted[i] % 16, 0);
        assert_true(i == 0 || (uintptr_t)sorted[i - 1] + usable <= (uintptr_t)sorted[i]);
    }
}

static uint64_t live_objects(void) {
    struct cairn_heap_stats stats;
    statistics_count(&stats);
    assert_int_equal(stats.allocations, stats.frees + stats.live_objects);
    return stats.live_objects;
}

static const size_t sizes[] = {0, 1, 16, 48, 64, 128, 144, 1000, 2048, 16384, 16385, 100000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void test_counts(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 63, 64, 65, 1000, MOST};
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t count = sizes[s] > SLAB_MAX && counts[c] > 65 ? 65 : counts[c];
            struct cairn_heap_stats before, after;
            statistics_count(&before);
            take_batch(sizes[s], count);
            statistics_count(&after);
            assert_int_equal(after.allocations - before.allocations, count);
            assert_int_equal(after.live_objects - before.live_objects, count);
            assert_objects(sizes[s], count);
            assert_intact();
            give_batch(count);
            statistics_count(&after);
            assert_int_equal(after.frees - before.frees, count);
            assert_int_equal(after.live_objects, before.live_objects);
            assert_intact();
        }
    }
}

/* What other objects have left over, in runs and alone, before anything new. */
static void test_fragmented(void **state) {
    (void)state;
    enum { SIZE = 64, CAPACITY = 512 };
    static void *others[4 * CAPACITY];
    for (size_t i = 0; i < 4 * CAPACITY; i++) {
        others[i] = take(SIZE);
    }
    for (size_t i = 0; i < 4 * CAPACITY; i++) {
        if (i < CAPACITY ? i % 2 == 0 : i % 7 < 3) {
            give(others[i]);
            others[i] = NULL;
        }
    }
    assert_intact();
    take_batch(SIZE, CAPACITY);
    assert_objects(SIZE, CAPACITY);
    assert_int_equal(heap_self()->queues[class_of(SIZE)].slabs, 4);
    for (size_t i = 0; i < 4 * CAPACITY; i++) {
        for (size_t k = 0; k < CAPACITY; k += 50) {
            assert_ptr_not_equal(others[i], objects[k]);
        }
    }
    assert_intact();
    give_batch(CAPACITY);
    batch_free("cairn_free_batch", others, 4 * CAPACITY); /* NULL among them */
    assert_intact();
}

/* A batch takes a word of a slab at a time, not a handful, and no more of it than it wants. */
static void test_whole_words(void **state) {
    (void)state;
    enum { SIZE = 1024, CAPACITY = 32, HANDFUL = 8, WANTED = HANDFUL + 5 };
    const struct bin *bin = &heap_self()->bins[class_of(SIZE)];
    uint64_t refills = heap_self()->counters.refills;
    take_batch(SIZE, 4 * CAPACITY);
    assert_int_equal(heap_self()->counters.refills - refills, 4);
    assert_objects(SIZE, 4 * CAPACITY);
    give_batch(4 * CAPACITY);
    take_batch(SIZE, WANTED);
    assert_int_equal(owner_word_read(bin->avail), 0);
    assert_int_equal(chunk_of((uintptr_t)objects[0])->fresh, WANTED);
    assert_intact();
    give_batch(WANTED);
}

static void test_any_order(void **state) {
    (void)state;
    uint64_t random = 1;
    for (size_t s = 0; s < SIZES; s++) {
        size_t count = sizes[s] > SLAB_MAX ? 20 : MOST;
        for (int order = 0; order < 3; order++) {
            take_batch(sizes[s], count);
            if (order == 1) {
                shuffle(objects, count, &random);
            } else if (order == 2) { /* backwards */
                for (size_t i = 0; i < count / 2; i++) {
                    void *swapped = objects[i];
                    objects[i] = objects[count - 1 - i];
                    objects[count - 1 - i] = swapped;
                }
            }
            errno = 4711;
            give_batch(count);
            assert_int_equal(errno, 4711);
            assert_intact();
        }
    }
    assert_int_equal(live_objects(), 0);
}

/* Slabs that are full come back into the queue, and those that are empty go. */
static void test_full_slabs(void **state) {
    (void)state;
    enum { SIZE = 1024, CAPACITY = 32 };
    take_batch(SIZE, 10 * CAPACITY);
    for (size_t i = 0; i < 3 * CAPACITY; i++) {
        objects[10 * CAPACITY + i] = take(SIZE);
    }
    const struct queue *queue = &heap_self()->queues[class_of(SIZE)];
    assert_int_equal(queue->slabs, 13);
    batch_free("cairn_free_batch", objects + CAPACITY / 2, 9 * CAPACITY);
    assert_intact();
    assert_true(queue->slabs <= 13 - 8);
    give_batch(CAPACITY / 2);
    batch_free("cairn_free_batch", objects + 19 * CAPACITY / 2, 7 * CAPACITY / 2);
    assert_intact();
}

struct part {
    size_t size;
    size_t count;
};

static void *take_part(void *argument) {
    struct part *part = argument;
    take_batch(part->size, part->count);
    return NULL;
}

static void *give_part(void *argument) {
    struct part *part = argument;
    give_batch(part->count);
    return NULL;
}

/* Freed by a thread without a heap, by the owner of another heap, and when the owner is gone. */
static void test_remote(void **state) {
    (void)state;
    uint64_t random = 2;
    for (size_t s = 0; s < SIZES; s++) {
        for (int round = 0; round < 4; round++) {
            struct part part = {sizes[s], sizes[s] > SLAB_MAX ? 20 : 1000};
            uint64_t live = live_objects();
            if (round < 2) {
                take_part(&part);
            } else {
                in_thread(take_part, &part);
            }
            if (round % 2 == 1) {
                shuffle(objects, part.count, &random);
            }
            if (round < 2) {
                in_thread(give_part, &part);
            } else {
                give_part(&part);
            }
            assert_intact();
            assert_int_equal(live_objects(), live);
            heap_drain(heap_self());
            assert_intact();
        }
    }
}

/* One atomic operation for a word, and one notification. */
static void test_remote_is_merged_whole(void **state) {
    (void)state;
    struct part part = {64, 512};
    take_part(&part);
    uint64_t before = heap_self()->counters.remote_frees;
    in_thread(give_part, &part);
    assert_non_null(heap_self()->notified);
    heap_drain(heap_self());
    assert_int_equal(heap_self()->counters.remote_frees - before, 512);
}

/* All mixed up: batches and single calls, any size, against an array of what is live. */
static void test_model(void **state) {
    (void)state;
    enum { LIVE = 20000, STEPS = 4000 };
    static unsigned char *live[LIVE];
    size_t count = 0;
    uint64_t random = 3;
    for (int step = 0; step < STEPS; step++) {
        size_t size = random_next(&random) % (random_next(&random) % 16 == 0 ? 40000 : 300) + 1;
        size_t some = random_next(&random) % 200;
        if (random_next(&random) % 2 == 0 && count + some <= LIVE) {
            assert_int_equal(batch_allocate(size, some, (void **)live + count), some);
            for (size_t i = 0; i < some; i++) {
                unsigned char *object = live[count++];
                memset(object, 0, size < 8 ? size : 8);
                object[0] = 1; /* live */
                object[size - 1] = 1;
            }
        } else {
            some = some < count ? some : count;
            if (random_next(&random) % 2 == 0) {
                shuffle((void **)live, count, &random);
            }
            for (size_t i = count - some; i < count; i++) {
                assert_int_equal(live[i][0], 1);
                live[i][0] = 2;
            }
            count -= some;
            batch_free("cairn_free_batch", (void *const *)live + count, some);
        }
        if (step % 500 == 0) {
            assert_intact();
            assert_int_equal(live_objects(), count);
        }
    }
    batch_free("cairn_free_batch", (void *const *)live, count);
    assert_intact();
    assert_int_equal(live_objects(), 0);
}

/* Threads that exchange their batches: each frees what the others have allocated, while these go on
 * and end. */
enum { EXCHANGES = 4, BATCH = 150 };

struct exchanged {
    size_t count;
    void *objects[BATCH];
};

static _Atomic(struct exchanged *) places[EXCHANGES];

static void free_exchanged(struct exchanged *exchanged) {
    if (exchanged != NULL) {
        batch_free("cairn_free_batch", exchanged->objects, exchanged->count);
        give(exchanged);
    }
}

static void *exchange(void *argument) {
    uint64_t random = *(uint64_t *)argument;
    for (int round = 0; round < 3000; round++) {
        struct exchanged *mine = take(sizeof *mine);
        size_t size = (size_t)16 << random_below(&random, 8);
        mine->count = random_below(&random, BATCH + 1);
        if (batch_allocate(size, mine->count, mine->objects) != mine->count) {
            return argument;
        }
        for (size_t i = 0; i < mine->count; i++) {
            memset(mine->objects[i], (int)round, 16);
        }
        if (round % 3 == 0) {
            shuffle(mine->objects, mine->count, &random);
        }
        free_exchanged(atomic_exchange(&places[random_below(&random, EXCHANGES)], mine));
    }
    return NULL;
}

static void test_exchange(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 4; round++) {
        pthread_t threads[3];
        uint64_t seeds[3];
        for (size_t i = 0; i < 3; i++) {
            seeds[i] = round * 3 + i;
            assert_int_equal(pthread_create(&threads[i], NULL, exchange, &seeds[i]), 0);
        }
        for (size_t i = 0; i < 3; i++) {
            void *failed = NULL;
            assert_int_equal(pthread_join(threads[i], &failed), 0);
            assert_null(failed);
        }
        assert_intact();
    }
    for (size_t i = 0; i < EXCHANGES; i++) {
        free_exchanged(atomic_exchange(&places[i], NULL));
    }
    assert_int_equal(live_objects(), 0);
}

static int out_of_memory(void *unused) {
    (void)unused;
    enum { MANY = 1 << 20 };
    static void *many[MANY];
    give(take(1000));
    struct rlimit limit = {(rlim_t)256 << 20, RLIM_INFINITY};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    errno = 0;
    size_t got = batch_allocate(1000, MANY, many);
    REQUIRE(got > 1000 && got < MANY && errno == ENOMEM);
    for (size_t i = 0; i < got; i += 97) {
        REQUIRE(usable_size("malloc_usable_size", many[i]) == 1024);
    }
    errno = 0;
    REQUIRE(batch_allocate((size_t)1 << 62, 10, many + got) == 0 && errno == ENOMEM);
    errno = 0;
    REQUIRE(batch_allocate(SIZE_MAX, 10, many + got) == 0 && errno == ENOMEM);
    batch_free("cairn_free_batch", many, got);
    struct checker_finding finding;
    REQUIRE(checker_run(&finding));
    return 0;
}

/* --- mistakes --------------------------------------------------------------------------------- */

static size_t batch_count;

static void free_it(void *argument) {
    (void)argument;
    give_batch(batch_count);
}

static void free_in_thread(void *argument) {
    (void)argument;
    struct part part = {0, batch_count};
    in_thread(give_part, &part);
}

static void assert_reported(void (*function)(void *), const void *pointer, const char *what) {
    char text[300];
    (void)snprintf(text, sizeof text, "cairn: cairn_free_batch(0x%lx): %s; thread ",
                   (unsigned long)pointer, what);
    assert_dies(function, NULL, text);
}

static void test_double_frees(void **state) {
    (void)state;
    const char *twice = "double free of an object of size class 64";
    take_batch(64, 512);
    batch_count = 512;
    void *saved = objects[300];
    for (size_t at = 0; at < 512; at += 111) { /* in the middle of rows, at their ends */
        if (at != 300) {
            objects[300] = objects[at];
            assert_reported(free_it, objects[at], twice);
            assert_reported(free_in_thread, objects[at], twice);
        }
    }
    objects[300] = saved;
    give(saved); /* freed before: the row meets it */
    assert_reported(free_it, saved, twice);
    assert_reported(free_in_thread, saved, twice);
    objects[300] = NULL;
    give_batch(511);
    assert_reported(free_it, objects[0], twice);
    give(objects[511]); /* the last one of the slab, which goes with it */
    assert_reported(free_it, objects[0], "pointer into memory that was released");
    assert_intact();
}

static void test_bad_pointers(void **state) {
    (void)state;
    char text[200];
    char *odd = take(1152), *end = odd - (uintptr_t)odd % CHUNK_SIZE + 28 * 1152;
    take_batch(100, 100);
    batch_count = 100;
    void *saved = objects[50];
    objects[50] = (char *)saved + 16;
    (void)snprintf(text, sizeof text,
                   "pointer 16 bytes into an object of size class 112 that starts at 0x%lx",
                   (unsigned long)saved);
    assert_reported(free_it, objects[50], text);
    assert_reported(free_in_thread, objects[50], text);
    objects[50] = text;
    assert_reported(free_it, text, "pointer that cairn never allocated");
    assert_reported(free_in_thread, text, "pointer that cairn never allocated");
    objects[50] = (void *)((uintptr_t)1 << 60);
    assert_reported(free_it, objects[50], "pointer that cairn never allocated");
    objects[50] = end;
    assert_reported(free_it, end, "pointer behind the last object of a slab of size class 1152");
    assert_reported(free_in_thread, end,
                    "pointer behind the last object of a slab of size class 1152");
    void *next = objects[51];
    objects[51] = end + 1152; /* looks like a neighbour of what is no object */
    assert_reported(free_it, end, "pointer behind the last object of a slab of size class 1152");
    objects[51] = next;
    objects[50] = saved;
    give_batch(100);
    give(odd);
}

/* Objects that the bin has ready are no neighbours to free. */
static void test_row_into_bin(void **state) {
    (void)state;
    take_batch(64, 10);
    objects[10] = (char *)objects[9] + 64;
    batch_count = 11;
    assert_reported(free_it, objects[10], "double free of an object of size class 64");
    assert_reported(free_in_thread, objects[10], "double free of an object of size class 64");
    give_batch(10);
}

/* A slab's last object and the next chunk's first bytes, which look like its neighbour's. */
static void test_row_ends_with_slab(void **state) {
    (void)state;
    enum { SIZE = 48, CAPACITY = 32768 / SIZE };
    take_batch(SIZE, 4 * CAPACITY);
    batch_count = 2;
    for (size_t i = 0; i < 4 * CAPACITY; i++) {
        uintptr_t next = (uintptr_t)objects[i] + SIZE;
        if (next % CHUNK_SIZE < SIZE) {
            void *first = objects[0], *second = objects[1];
            objects[0] = objects[i];
            objects[1] = (void *)next;
            assert_reported(free_it, (void *)next,
                            "pointer behind the last object of a slab of size class 48");
            objects[0] = first;
            objects[1] = second;
        }
    }
    give_batch(4 * CAPACITY);
    assert_intact();
}

static void test_out_of_memory(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* needs address space of its own */
#endif
    assert_int_equal(in_child(out_of_memory, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_fragmented, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_whole_words, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_any_order, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_full_slabs, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_remote, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_remote_is_merged_whole, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_exchange, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_model, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_double_frees, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_bad_pointers, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_row_into_bin, empty_heap, empty_heap),
        cmocka_unit_test_setup_teardown(test_row_ends_with_slab, empty_heap, empty_heap),
        cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
