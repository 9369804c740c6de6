/* A fixed scenario is run again and again, with the first, the second, ... call to the kernel
 * refused, until it gets through without a refusal.  Each time failures must show as NULL with
 * ENOMEM only, the checker must find the heap in order, and everything must still be freed. */
#include <errno.h>
#include <string.h>

#include "core/block.h"
#include "core/threads.h"
#include "support/sweep.h"

static const size_t sizes[] = {1, 24, 100, 500, 1000, 5000, 9000, 30000, 40000, 70000, 3 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes, EACH = 6, OBJECTS = SIZES * EACH };

static void require_intact(void) {
    struct checker_finding finding;
    if (!checker_run(&finding)) {
        fprintf(stderr, "violated at 0x%lx: %s\n", (unsigned long)finding.address, finding.what);
        abort();
    }
}

/* A failure must look like C's rules want it. */
static char *filled(char *object, size_t size) {
    if (object == NULL) {
        REQUIRE(errno == ENOMEM);
        REQUIRE(os_faulty_failures() > 0);
    } else {
        object[0] = (char)size;
        object[size - 1] = (char)size;
    }
    errno = 0;
    return object;
}

static void take_all(char **objects) {
    for (size_t i = 0; i < OBJECTS; i++) {
        size_t size = sizes[i % SIZES];
        objects[i] = filled(i % 3 == 0 ? take_zeroed(size) : take(size), size);
    }
}

static void give_all(char **objects, size_t first, size_t step) {
    for (size_t i = first; i < OBJECTS; i += step) {
        size_t size = sizes[i % SIZES];
        REQUIRE(objects[i] == NULL ||
                (objects[i][0] == (char)size && objects[i][size - 1] == (char)size));
        give(objects[i]);
        objects[i] = NULL;
    }
}

struct halves {
    char *mine[OBJECTS];
    char *others[OBJECTS];
};

/* A second thread: frees half of what the first one made, and leaves half of its own. */
static void *other_thread(void *argument) {
    struct halves *halves = argument;
    take_all(halves->others);
    give_all(halves->mine, 0, 2);
    give_all(halves->others, 0, 2);
    return NULL;
}

/* The chunk behind an object is taken, so that the object can't grow where it is.  0: it was taken
 * already. */
static uintptr_t wall_behind(const char *object, size_t size) {
    uintptr_t behind = round_up((uintptr_t)object + size, CHUNK_SIZE);
    bool zeroed;
    return chunks_extend(behind, 1, &zeroed) ? behind : 0;
}

/* One object that grows from a few bytes to 32 MiB and shrinks again: to so much, and with no
 * resident memory to copy it to, that its pages are moved in the end. */
static void grow(void) {
    size_t size = 64;
    char *object = filled(take(size), size);
    for (size_t wanted = 128; wanted <= (size_t)32 << 20 && object != NULL; wanted *= 2) {
        (void)chunks_purge_all();
        uintptr_t wall = wall_behind(object, size);
        char *grown = resize(object, wanted);
        if (grown == NULL) {
            REQUIRE(errno == ENOMEM && os_faulty_failures() > 0);
        } else {
            object = grown;
            REQUIRE(object[0] == (char)size && object[size - 1] == (char)size);
            size = wanted;
            (void)filled(object, size);
        }
        if (wall != 0) {
            chunks_give(wall, 1, true);
        }
    }
    if (object != NULL) {
        object = resize(object, 1000);
        REQUIRE(object != NULL && object[0] == (char)size);
        give(object);
    }
}

static void scenario(void) {
    static struct halves halves;
    take_all(halves.mine);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, other_thread, &halves) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    require_intact();
    grow();
    char *aligned = filled(allocate_aligned((size_t)4 << 20, 100), 100);
    require_intact();
    give_all(halves.mine, 1, 2);
    give_all(halves.others, 1, 2);
    give(aligned);
    threads_flush();
    (void)chunks_purge_all();
    require_intact();
}

/* Heaps that nobody flushes may keep a slab for each class: that of a thread whose end was not
 * announced, and the one for threads that got none of their own. */
static bool all_heaps_flushed(void) {
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (heap != heap_self() && (!threads_is_parked(heap) || heap == threads_late_heap())) {
            return false;
        }
    }
    return true;
}

/* Exit status: whether anything was refused. */
static int run_planned(void *argument) {
    const struct plan *plan = argument;
    os_faulty_arm(plan->kinds, plan->n, plan->onwards);
    scenario();
    size_t failures = os_faulty_failures();
    bool all_back = all_heaps_flushed();
    REQUIRE(!all_back || block_totals.taken == 0);
    os_faulty_arm(0, 0, false);
    grow(); /* what failed has left nothing behind */
    threads_flush();
    (void)chunks_purge_all();
    require_intact();
    REQUIRE(!all_back || (block_totals.taken == 0 && block_totals.dirty == 0));
    return failures > 0;
}

static void test_each_kind(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < OS_CORE_CALLS; kind++) {
        sweep(run_planned, 1U << kind, false);
        sweep(run_planned, 1U << kind, true);
    }
}

static void test_all_kinds(void **state) {
    (void)state;
    sweep_all(run_planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_kind),
                                       cmocka_unit_test(test_all_kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
