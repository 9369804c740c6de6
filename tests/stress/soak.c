/* A long soak: the operations of the model on the core, for as long as CAIRN_SOAK_SECONDS says (4
 * if it is not set), with the structural checker whenever all threads are quiet.
 *
 * The heap has tides: the number of objects rises and falls tenfold and more from one generation of
 * threads to the next, and threads end with objects that later ones free. After each round of tides
 * everything is freed; then nothing may be left, neither of objects nor of memory, and what is
 * resident may not have grown since the first round.
 *
 *   soak [SEED] */
#include <pthread.h>
#include <time.h>

#include "core/block.h"
#include "core/checker.h"
#include "core/threads.h"
#include "core/trim.h"
#include "stress/core_heap.h"
#include "stress/operations.h"

enum {
    THREADS = 4,
    MOST_SLOTS = 2000, /* objects of a thread */
    SHARED = 256,
    STEPS = 6000, /* of a thread in a generation, in two halves with a check in between */
    DEFAULT_SECONDS = 4
};

/* Objects of a thread in the generations of a round. */
static const size_t tides[] = {MOST_SLOTS, 100, MOST_SLOTS, 600, 20, 600};
enum { TIDES = sizeof tides / sizeof tides[0] };

static struct heap_functions tested;
static struct shared_slot shared[SHARED];
static struct object slots[THREADS][MOST_SLOTS];
static uint64_t seeds[THREADS];
static size_t tide; /* of this generation */
static pthread_barrier_t half_time;

static int trim_core(size_t keep) {
    (void)keep;
    return trim() > 0;
}

static struct worker worker_of(size_t thread, size_t count) {
    return (struct worker){&tested, slots[thread], count, shared, SHARED};
}

/* --- a generation ----------------------------------------------------------------------------- */

static void operate_for(struct worker *worker, uint64_t *seed, unsigned steps) {
    for (unsigned i = 0; i < steps; i++) {
        struct operation operation = random_operation(seed);
        operate(worker, &operation);
    }
}

static void *live(void *number) {
    size_t self = (size_t)number;
    struct worker worker = worker_of(self, tide);
    for (size_t i = tide; i < MOST_SLOTS; i++) {
        release_slot(&worker, &slots[self][i]);
    }
    operate_for(&worker, &seeds[self], STEPS / 2);
    pthread_barrier_wait(&half_time);
    pthread_barrier_wait(&half_time);
    operate_for(&worker, &seeds[self], STEPS / 2);
    return NULL;
}

static void expect_intact(void) {
    struct checker_finding finding;
    if (!checker_run(&finding)) {
        FAIL("the checker found at 0x%lx that this is violated: %s", (unsigned long)finding.address,
             finding.what);
    }
}

static void verify_all(void) {
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t k = 0; k < MOST_SLOTS; k++) {
            if (slots[i][k].address != NULL) {
                shadow_verify(&tested, &slots[i][k]);
            }
        }
    }
}

static void run_generation(void) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, live, (void *)i) == 0);
    }
    pthread_barrier_wait(&half_time);
    expect_intact();
    verify_all();
    pthread_barrier_wait(&half_time);
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
    expect_intact();
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* Frees everything, from this thread; returns what is resident then. */
static size_t end_round(void) {
    for (size_t i = 0; i < THREADS; i++) {
        struct worker worker = worker_of(i, MOST_SLOTS);
        release_all(&worker);
        release_shared(&worker);
    }
    EXPECT(shadow_is_empty());
    expect_intact();
    threads_flush();
    EXPECT(block_totals.taken == 0);
    (void)trim();
    EXPECT(block_totals.dirty == 0);
    expect_intact();
    return status_bytes("VmRSS:");
}

static long seconds_wanted(void) {
    const char *text = getenv("CAIRN_SOAK_SECONDS");
    long seconds = text != NULL ? strtol(text, NULL, 10) : DEFAULT_SECONDS;
    EXPECT(seconds > 0);
    return seconds;
}

int main(int count, char **arguments) {
    uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
    time_t deadline = time(NULL) + seconds_wanted();
    tested = core_heap;
    tested.trim = trim_core;
    EXPECT(pthread_barrier_init(&half_time, NULL, THREADS + 1) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        seeds[i] = (seed * THREADS + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    }
    size_t first = 0, resident = 0, rounds = 0;
    do {
        for (size_t i = 0; i < TIDES; i++) {
            tide = tides[i];
            run_generation();
        }
        resident = end_round();
        first = rounds++ == 0 ? resident : first;
        /* The shadow's own memory, and a sanitizer's, grows with the addresses ever used. */
        EXPECT(resident <= 2 * first + 16 * MIB);
    } while (time(NULL) < deadline);
    say(1, "seed %lu: %zu rounds, nothing violated; resident %zu KiB, after the first round %zu\n",
        (unsigned long)seed, rounds, resident / KIB, first / KIB);
    return 0;
}
