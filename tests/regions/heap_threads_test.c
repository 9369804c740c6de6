/* First-class heaps that several threads use, end and fork at once. */
#include <cairn/heap.h>
#include <cairn/regions.h>

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "core/block.h"
#include "core/shared_heap.h"
#include "core/trim.h"
#include "os/os.h"
#include "support/child.h"
#include "support/core.h"
#include "support/random.h"

enum { THREADS = 4, SLOTS = 256, STEPS = 10000 };

static struct cairn_heap *make(void) {
    struct cairn_heap *heap = cairn_heap_create(NULL);
    assert_non_null(heap);
    return heap;
}

static size_t settled(void) {
    (void)trim();
    return block_totals.taken;
}

/* Waits for a number that another thread changes. */
static void await(_Atomic(int) *number, int value) {
    while (atomic_load(number) != value) {
        sched_yield();
    }
}

/* --- everybody at everything ------------------------------------------------------------------ */

static _Atomic(void *) slots[SLOTS];

/* An object holds its own size at both ends, so that one that is given out twice is seen. */
static void mark(char *object, size_t size) {
    memcpy(object, &size, sizeof size);
    memcpy(object + size - sizeof size, &size, sizeof size);
}

static void check(struct cairn_heap *heap, char *object) {
    size_t size;
    size_t again;
    memcpy(&size, object, sizeof size);
    memcpy(&again, object + size - sizeof size, sizeof again);
    assert_int_equal(size, again);
    assert_true(cairn_heap_usable_size(heap, object) >= size);
}

static size_t some_size(uint64_t *random) {
    uint64_t kind = random_next(random) % 64;
    size_t most = kind == 0 ? 200000 : kind < 8 ? 5000 : 200;
    return 16 + random_next(random) % most;
}

static void *allocate_somehow(struct cairn_heap *heap, uint64_t *random, size_t size) {
    void *object = NULL;
    switch (random_next(random) % 8) {
    case 0:
        CAIRN_WITH_HEAP(heap) {
            give(take(size));
            object = take(size);
        }
        return object;
    case 1:
        object = cairn_heap_malloc(heap, size / 2 + 1);
        return cairn_heap_realloc(heap, object, size);
    case 2:
        return cairn_heap_aligned_alloc(heap, 64, size);
    default:
        return cairn_heap_malloc(heap, size);
    }
}

struct worker {
    struct cairn_heap *heap;
    uint64_t random;
};

static void nothing(void *context, void *object, size_t bytes) {
    (void)context;
    (void)object;
    (void)bytes;
}

static void *work(void *argument) {
    struct worker *worker = argument;
    uint64_t *random = &worker->random;
    for (int i = 0; i < STEPS; i++) {
        size_t size = some_size(random);
        char *object = allocate_somehow(worker->heap, random, size);
        assert_non_null(object);
        mark(object, size);
        char *other = atomic_exchange(&slots[random_next(random) % SLOTS], object);
        if (other == NULL) {
            continue;
        }
        check(worker->heap, other);
        if (random_next(random) % 2 == 0) {
            give(other);
        } else {
            cairn_heap_free(worker->heap, other);
        }
        if (i % 4096 == 0) {
            (void)cairn_heap_walk(worker->heap, nothing, NULL);
            assert_int_equal(cairn_heap_statistics(worker->heap).limit, 0);
        }
    }
    return NULL;
}

static void threads_allocate_and_free_crosswise(void **state) {
    (void)state;
    size_t before = settled();
    struct cairn_heap *heap = make();
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){heap, i * 7919 + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
    size_t live = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        live += slots[i] != NULL;
        slots[i] = NULL;
    }
    assert_int_equal(cairn_heap_statistics(heap).objects, live);
    assert_int_equal(cairn_heap_walk(heap, nothing, NULL), live);
    cairn_heap_destroy(heap);
    assert_intact();
    assert_int_equal(settled(), before);
}

/* --- looking while objects change size -------------------------------------------------------- */

enum { LOOKS = 300, LARGE_LEAST = 100000, LARGE_MOST = 120000 };

static _Atomic(bool) is_over;

static void *resize_for_ever(void *heap) {
    void *object = cairn_heap_malloc(heap, LARGE_LEAST);
    for (size_t i = 0; !atomic_load(&is_over); i++) {
        object = cairn_heap_realloc(heap, object, i % 2 == 0 ? LARGE_MOST : LARGE_LEAST);
    }
    return object;
}

static void is_of_a_size(void *unused, void *object, size_t bytes) {
    (void)unused;
    (void)object;
    assert_in_range(bytes, LARGE_LEAST, LARGE_MOST + os_page_size());
}

static void look_while_an_object_is_resized(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    pthread_t thread;
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&thread, NULL, resize_for_ever, heap), 0);
    for (int i = 0; i < LOOKS; i++) {
        size_t used = cairn_heap_statistics(heap).used;
        assert_true(used == 0 || used >= LARGE_LEAST);
        (void)cairn_heap_walk(heap, is_of_a_size, NULL);
        sched_yield();
    }
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cairn_heap_destroy(heap);
    assert_intact();
}

/* --- frees under way as destroy begins -------------------------------------------------------- */

enum { ROUNDS = 300, OBJECTS = 70, SPINS = 2000 };

static _Atomic(int) turn;
static void *doomed[OBJECTS];

static void *free_all_each_round(void *unused) {
    (void)unused;
    for (int round = 1; round <= ROUNDS; round++) {
        await(&turn, round);
        for (unsigned i = 0; i < OBJECTS; i++) {
            give(doomed[i]);
        }
        atomic_store(&turn, -round);
    }
    return NULL;
}

/* No object is live, but the thread that freed the last one may not have come back from it. */
static void destroy_at_the_last_free(void **state) {
    (void)state;
    size_t before = settled();
    pthread_t thread;
    atomic_store(&turn, 0);
    assert_int_equal(pthread_create(&thread, NULL, free_all_each_round, NULL), 0);
    for (int round = 1; round <= ROUNDS; round++) {
        struct cairn_heap *heap = make();
        size_t size = round % 3 == 0 ? 20000 : round % 3 == 1 ? 48 : 600;
        for (unsigned i = 0; i < OBJECTS; i++) {
            doomed[i] = cairn_heap_malloc(heap, size);
        }
        /* With the heap for itself, so that the other one has to go without the lock. */
        struct cairn_heap_scope scope = {0};
        if (round % 2 == 0) {
            scope = cairn_heap_enter(heap);
        }
        atomic_store(&turn, round);
        for (int i = 0; cairn_heap_statistics(heap).objects != 0; i++) {
            if (i > SPINS) {
                sched_yield();
            }
        }
        cairn_heap_leave(&scope);
        cairn_heap_destroy(heap);
        /* What lies where the heap did is written to: a late free must not touch it. */
        char *objects[OBJECTS];
        for (unsigned i = 0; i < OBJECTS; i++) {
            objects[i] = take(size);
            memset(objects[i], 0x55, size);
        }
        await(&turn, -round);
        for (unsigned i = 0; i < OBJECTS; i++) {
            assert_int_equal(objects[i][size - 1], 0x55);
            give(objects[i]);
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_intact();
    assert_int_equal(settled(), before);
}

static _Atomic(int) destroyed;

static void *destroy_it(void *heap) {
    cairn_heap_destroy(heap);
    atomic_store(&destroyed, 1);
    return NULL;
}

/* The free is held at the place where it has counted itself in. */
static void destroy_waits_for_a_free(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct cairn_heap *heap = make();
        struct shared_heap *shared = ((struct shared_heap *)shared_heap_of(
            chunk_of((uintptr_t)cairn_heap_malloc(heap, 48))));
        void *small = cairn_heap_malloc(heap, 48);
        void *large = cairn_heap_malloc(heap, 100000);
        pthread_t thread;
        atomic_store(&destroyed, 0);
        assert_true(shared_heap_come(shared));
        assert_int_equal(pthread_create(&thread, NULL, destroy_it, heap), 0);
        while (late == 1 && atomic_load(&shared->life) == SHARED_HEAP_ALIVE) {
            sched_yield();
        }
        /* Before destroy has begun, or while it waits; either is no double free of anything. */
        give(small);
        give(large);
        usleep(20000);
        assert_int_equal(atomic_load(&destroyed), 0);
        shared_heap_leave(shared);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(atomic_load(&destroyed), 1);
        assert_intact();
    }
}

/* A notification that comes late to the list of a heap that has ended is passed on. */
static void an_ended_heap_passes_on(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    struct shared_heap *shared = shared_heap_of(chunk_of((uintptr_t)cairn_heap_malloc(heap, 48)));
    cairn_heap_destroy(heap);
    void *object = take(48);
    struct chunk *slab = chunk_of((uintptr_t)object);
    /* As remote_free() leaves it that read the owner before it ended. */
    atomic_store(&shared_of(slab)->summary, 1);
    atomic_store(&shared_of(slab)->notified, NULL);
    atomic_store(&shared->heap.notified, slab);
    assert_true(threads_is_parked(&shared->heap));
    threads_drain_parked(&shared->heap);
    assert_ptr_equal(heap_self()->notified, slab);
    heap_drain(heap_self());
    give(object);
    assert_intact();
}

/* --- delete with frees under way -------------------------------------------------------------- */

static void *free_half(void *argument) {
    void **objects = argument;
    for (unsigned i = 0; i < 1000; i++) {
        give(objects[2 * i]);
        if (i == 100) {
            atomic_store(&turn, 1);
        }
    }
    return NULL;
}

static void delete_while_others_free(void **state) {
    (void)state;
    size_t before = settled();
    for (int round = 0; round < 50; round++) {
        static void *objects[2000];
        struct cairn_heap *heap = make();
        for (unsigned i = 0; i < 2000; i++) {
            objects[i] = cairn_heap_malloc(heap, i % 100 == 0 ? 20000 : 16 + i % 300);
        }
        pthread_t thread;
        atomic_store(&turn, 0);
        assert_int_equal(pthread_create(&thread, NULL, free_half, objects), 0);
        await(&turn, 1);
        assert_true(cairn_heap_delete(heap));
        assert_int_equal(pthread_join(thread, NULL), 0);
        for (unsigned i = 1; i < 2000; i += 2) {
            give(objects[i]);
        }
        assert_intact();
    }
    assert_int_equal(settled(), before);
}

/* A free that read the owner before delete. */
static void an_object_that_moved_meanwhile(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    void *object = cairn_heap_malloc(heap, 48);
    void *large = cairn_heap_malloc(heap, 100000);
    struct chunk *slab = chunk_of((uintptr_t)object);
    uintptr_t owner = chunk_owner(slab);
    assert_true(cairn_heap_delete(heap));
    assert_int_equal(shared_heap_free(slab, owner, (uintptr_t)object), SHARED_MOVED);
    give(object);
    give(large);
    assert_intact();
}

/* --- a heap for oneself ----------------------------------------------------------------------- */

static _Atomic(int) stage;

static void *allocate_in(void *heap) {
    atomic_store(&stage, 1);
    void *object = cairn_heap_malloc(heap, 100);
    atomic_store(&stage, 2);
    return object;
}

static void *allocate_large_in(void *heap) { return cairn_heap_malloc(heap, 100000); }

static void others_wait_for_a_scope(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    void *small = cairn_heap_malloc(heap, 100);
    void *large = cairn_heap_malloc(heap, 100000);
    enum { WAITING = 3 };
    pthread_t threads[WAITING];
    atomic_store(&stage, 0);
    CAIRN_WITH_HEAP(heap) {
        /* Nobody waits to free, nor for a large object. */
        give_remotely(small);
        give_remotely(large);
        in_thread(allocate_large_in, heap);
        for (int i = 0; i < WAITING; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, allocate_in, heap), 0);
        }
        await(&stage, 1);
        usleep(20000);
        assert_int_equal(atomic_load(&stage), 1);
    }
    for (int i = 0; i < WAITING; i++) {
        void *object;
        assert_int_equal(pthread_join(threads[i], &object), 0);
        assert_ptr_equal(cairn_heap_of(object), heap);
    }
    cairn_heap_destroy(heap);
    assert_intact();
}

/* --- fork ------------------------------------------------------------------------------------- */

static void *churn(void *argument) {
    struct worker *worker = argument;
    while (!atomic_load(&is_over)) {
        void *objects[20];
        for (unsigned i = 0; i < 20; i++) {
            objects[i] = allocate_somehow(worker->heap, &worker->random, 16 + i * 100);
        }
        for (unsigned i = 0; i < 20; i++) {
            give(objects[i]);
        }
    }
    return NULL;
}

static void use_in_child(struct cairn_heap *heap, void *mine) {
    struct checker_finding finding;
    bool held = checker_run_after_fork(&finding);
    assert_holds(held, &finding);
    for (unsigned i = 0; i < 1000; i++) {
        assert_non_null(cairn_heap_malloc(heap, i * 40));
    }
    CAIRN_WITH_HEAP(heap) { assert_ptr_equal(cairn_heap_of(take(100)), heap); }
    assert_ptr_equal(cairn_heap_of(mine), heap);
    give(mine);
    (void)cairn_heap_walk(heap, nothing, NULL);
    cairn_heap_destroy(heap);
    bool holds = checker_run_after_fork(&finding);
    assert_holds(holds, &finding);
}

static void a_child_uses_heaps_that_others_were_using(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    struct worker workers[2];
    pthread_t threads[2];
    atomic_store(&is_over, false);
    void *mine = cairn_heap_malloc(heap, 1000);
    for (unsigned i = 0; i < 2; i++) {
        workers[i] = (struct worker){heap, i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &workers[i]), 0);
    }
    for (int round = 0; round < 30; round++) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            use_in_child(heap, mine);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_intact();
    cairn_heap_destroy(heap);
}

static void *hold_it(void *heap) {
    CAIRN_WITH_HEAP(heap) {
        (void)!take(100);
        atomic_store(&stage, 1);
        await(&stage, 2);
    }
    return NULL;
}

/* What a thread that is gone had done by half. */
static void a_child_repairs_what_others_left(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    struct shared_heap *shared = shared_heap_of(chunk_of((uintptr_t)cairn_heap_malloc(heap, 1)));
    pthread_t thread;
    atomic_store(&stage, 0);
    assert_int_equal(pthread_create(&thread, NULL, hold_it, heap), 0);
    await(&stage, 1);
    shared->heap.queues[class_of(100)].slabs += 3;
    shared->books.chunks += 7; /* admitted, and not yet there */
    shared->in_flight++;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        assert_non_null(cairn_heap_malloc(heap, 100));
        struct cairn_heap_figures figures = cairn_heap_statistics(heap);
        assert_int_equal(figures.objects, 3);
        assert_int_equal(figures.held, figures.slabs * CHUNK_SIZE);
        struct checker_finding finding;
        bool holds = checker_run_after_fork(&finding);
        assert_holds(holds, &finding);
        cairn_heap_destroy(heap);
        _exit(0);
    }
    shared->heap.queues[class_of(100)].slabs -= 3;
    shared->books.chunks -= 7;
    shared->in_flight--;
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    atomic_store(&stage, 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_intact();
    cairn_heap_destroy(heap);
}

static void a_child_that_was_forked_in_a_scope(void **state) {
    (void)state;
    struct cairn_heap *heap = make();
    struct cairn_heap_scope scope = cairn_heap_enter(heap);
    void *object = take(100);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        assert_ptr_equal(cairn_heap_of(take(100)), heap);
        give(object);
    } else {
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(cairn_heap_contains(heap, object));
    }
    cairn_heap_leave(&scope);
    void *plain = take(100);
    assert_null(cairn_heap_of(plain));
    give(plain);
    cairn_heap_destroy(heap);
    struct checker_finding finding;
    bool holds = checker_run_after_fork(&finding);
    assert_holds(holds, &finding);
    if (pid == 0) {
        _exit(0);
    }
}

/* --- the list of regions ---------------------------------------------------------------------- */

static void *delete_heap(void *heap) {
    assert_true(cairn_heap_delete(heap));
    return NULL;
}

struct sight {
    struct cairn_heap *heap; /* to be deleted during the visit */
    pthread_t thread;
    size_t used;
};

/* The newest heap comes first; from there on the other one is being deleted. */
static void delete_meanwhile(void *context, const struct cairn_region_view *view) {
    struct sight *sight = context;
    if (strcmp(view->name, "newest") == 0) {
        assert_int_equal(pthread_create(&sight->thread, NULL, delete_heap, sight->heap), 0);
        os_pause_ms(50);
    } else if (strcmp(view->name, "deleted") == 0) {
        sight->used = view->usage.used;
    }
}

static void a_visitor_sees_no_heap_that_is_gone(void **state) {
    (void)state;
    struct sight sight = {.heap =
                              cairn_heap_create(&(struct cairn_heap_options){.name = "deleted"})};
    void *object = cairn_heap_malloc(sight.heap, 1000);
    struct cairn_heap *newest = cairn_heap_create(&(struct cairn_heap_options){.name = "newest"});
    cairn_regions_each(delete_meanwhile, &sight);
    assert_int_equal(pthread_join(sight.thread, NULL), 0);
    assert_int_equal(sight.used, 1024);
    give(object);
    cairn_heap_destroy(newest);
}

int main(void) {
    threads_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_allocate_and_free_crosswise),
        cmocka_unit_test(look_while_an_object_is_resized),
        cmocka_unit_test(destroy_at_the_last_free),
        cmocka_unit_test(destroy_waits_for_a_free),
        cmocka_unit_test(an_ended_heap_passes_on),
        cmocka_unit_test(delete_while_others_free),
        cmocka_unit_test(an_object_that_moved_meanwhile),
        cmocka_unit_test(others_wait_for_a_scope),
        cmocka_unit_test(a_child_uses_heaps_that_others_were_using),
        cmocka_unit_test(a_child_repairs_what_others_left),
        cmocka_unit_test(a_child_that_was_forked_in_a_scope),
        cmocka_unit_test(a_visitor_sees_no_heap_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
