/* Several threads allocate, resize, free and hand objects over at random; whenever they are quiet
 * the checker must find the heap in order, and in the end nothing may be left. */
#include <stdlib.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/slab.h"
#include "core/walk.h"
#include "support/core.h"
#include "support/random.h"

enum {
    THREADS = 4,
    GENERATIONS = 8, /* of threads, one after the other */
    STEPS = 60000,   /* of a thread, in two halves with a check in between */
    OWN = 300,       /* objects that a thread keeps at most */
    SHARED = 500     /* places where objects change hands */
};

/* What every object begins with. */
struct object {
    size_t size;
    uint64_t seed;
};

static _Atomic(struct object *) shared[SHARED];
static pthread_barrier_t barrier;

/* --- objects whose content is known
 * ---------------------------------------------------------------- */

static uint64_t word_at(const struct object *object, size_t i) { return object->seed + i * 0x9e37; }

/* All words of small objects, few of large ones; always the last. */
static size_t stride_of(size_t words) { return words <= 64 ? 1 : words / 16; }

static void fill(struct object *object, size_t size, uint64_t seed) {
    *object = (struct object){size, seed};
    uint64_t *word = (uint64_t *)object;
    size_t words = size / sizeof *word;
    for (size_t i = words - 1; i >= 2 && i < words; i -= stride_of(words)) {
        word[i] = word_at(object, i);
    }
}

static void verify(const struct object *object, size_t upto) {
    const uint64_t *word = (const uint64_t *)object;
    size_t words = object->size / sizeof *word;
    for (size_t i = words - 1; i >= 2 && i < words; i -= stride_of(words)) {
        if (i < upto / sizeof *word && word[i] != word_at(object, i)) {
            abort();
        }
    }
}

static void verify_zero(const void *memory, size_t size) {
    const uint64_t *word = memory;
    for (size_t i = 0; i < size / sizeof *word; i++) {
        if (word[i] != 0) {
            abort();
        }
    }
}

/* --- operations
 * ----------------------------------------------------------------------------------------- */

/* Mostly small, some up to the largest class, a few large. */
static size_t random_size(uint64_t *random) {
    uint64_t kind = random_below(random, 100);
    size_t most = kind < 80 ? 400 : kind < 98 ? SLAB_MAX : (size_t)600000;
    return 16 + random_below(random, most - 16);
}

static struct object *make(uint64_t *random) {
    size_t size = random_size(random);
    struct object *object;
    switch (random_below(random, 4)) {
    case 0:
        object = take_zeroed(size);
        verify_zero(object, size);
        break;
    case 1: {
        size_t alignment = (size_t)16 << random_below(random, 9);
        object = allocate_aligned(alignment, size);
        if ((uintptr_t)object % alignment != 0) {
            abort();
        }
        break;
    }
    default:
        object = take(size);
    }
    if (object == NULL || usable_size("test", object) < size) {
        abort();
    }
    fill(object, size, random_next(random));
    return object;
}

static void destroy(struct object *object) {
    if (object != NULL) {
        verify(object, object->size);
        give(object);
    }
}

static struct object *change_size(struct object *object, uint64_t *random) {
    size_t before = object->size, size = random_size(random);
    object = resize(object, size);
    if (object == NULL || object->size != before) {
        abort();
    }
    verify(object, size);
    fill(object, size, random_next(random));
    return object;
}

static struct object *hand_over(struct object *object, uint64_t *random) {
    return atomic_exchange(&shared[random_below(random, SHARED)], object);
}

static void step(struct object **place, uint64_t *random) {
    uint64_t what = random_below(random, 10);
    if (*place == NULL) {
        *place = make(random);
    } else if (what < 5) {
        destroy(*place);
        *place = NULL;
    } else if (what < 6) {
        *place = change_size(*place, random);
    } else {
        *place = hand_over(*place, random);
    }
}

/* --- threads
 * ---------------------------------------------------------------------------------------------- */

static void work(struct object **own, uint64_t *random) {
    for (int i = 0; i < STEPS / 2; i++) {
        step(&own[random_below(random, OWN)], random);
    }
}

/* Half of what it has is left to others. */
static void leave(struct object **own, uint64_t *random) {
    for (size_t i = 0; i < OWN; i++) {
        destroy(i % 2 == 0 && own[i] != NULL ? hand_over(own[i], random) : own[i]);
    }
}

static void *worker(void *argument) {
    uint64_t random = (uintptr_t)argument;
    struct object *own[OWN] = {0};
    work(own, &random);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    work(own, &random);
    leave(own, &random);
    return NULL;
}

static void run_generation(uintptr_t seed) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, worker, (void *)(seed * THREADS + i + 1)), 0);
    }
    pthread_barrier_wait(&barrier);
    assert_intact();
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
}

static void count_live(struct chunk *slab, void *live) { *(size_t *)live += slab_live(slab); }
static void count_one(struct chunk *head, void *live) {
    (void)head;
    ++*(size_t *)live;
}

static void test_stress(void **state) {
    (void)state;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (uintptr_t generation = 0; generation < GENERATIONS; generation++) {
        run_generation(generation);
    }
    for (size_t i = 0; i < SHARED; i++) {
        destroy(atomic_exchange(&shared[i], NULL));
    }
    assert_intact();
    threads_flush();
    assert_intact();
    size_t live = 0;
    walk_slabs(count_live, &live);
    walk_large(count_one, &live);
    assert_int_equal(live, 0);
    assert_int_equal(block_totals.taken, 0);
    (void)chunks_purge_all();
    assert_intact();
    assert_int_equal(block_totals.dirty, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stress)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
