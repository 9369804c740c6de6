/* A thousand objects allocated and freed, again and again: by cairn_malloc_batch and
 * cairn_free_batch, or one by one by cairn_malloc and cairn_free; built without the library, by
 * malloc and free.  The objects are not touched: what is measured is the allocator.
 *
 *     batch HOW [ROUNDS]        HOW: batch, loop
 *
 *   in_order     freed in the order in which they came
 *   shuffled     freed at random: no neighbours meet
 *   scattered    every second object of the heap is live: no two free ones are neighbours
 *   by_another   freed by another thread than the one that allocated them
 *
 * Prints a line for each half of it with nanoseconds for an object. */
#ifdef USE_MALLOC
#define cairn_malloc malloc
#define cairn_free   free
#else
#include <cairn/cairn.h>
#endif
#include <pthread.h>

#include "measure.h"

enum { OBJECTS = 1000, ROUNDS = 3000, SCATTERED = 20 * OBJECTS };
enum { REMOTE_SHARE = 10 }; /* a thread each: fewer rounds */

static uint64_t rounds;

static void *objects[OBJECTS];
static void *scattered[SCATTERED];

static void take_each(size_t size) {
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = cairn_malloc(size);
    }
}

static void give_each(void) {
    for (size_t i = 0; i < OBJECTS; i++) {
        cairn_free(objects[i]);
    }
}

static void (*take)(size_t size) = take_each;
static void (*give)(void) = give_each;

#ifndef USE_MALLOC
static void take_batch(size_t size) {
    if (cairn_malloc_batch(size, OBJECTS, objects) != OBJECTS) {
        abort();
    }
}

static void give_batch(void) { cairn_free_batch(objects, OBJECTS); }
#endif

static void leave_alone(void) {}

static void shuffle(void) {
    uint64_t state = 88172645463325252u;
    for (uint32_t i = OBJECTS - 1; i > 0; i--) {
        uint32_t other = random_below(&state, i + 1);
        void *swapped = objects[i];
        objects[i] = objects[other];
        objects[other] = swapped;
    }
}

static void report_half(const char *half, size_t size, const char *how, int64_t ns,
                        uint64_t rounds_run) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s_%zu_%s", half, size, how);
    report(name, ns, OBJECTS * rounds_run, OBJECTS * rounds_run);
}

static void measure(size_t size, const char *how, void (*between)(void)) {
    int64_t taking = 0;
    int64_t giving = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        int64_t start = now_ns();
        take(size);
        taking += now_ns() - start;
        between();
        start = now_ns();
        give();
        giving += now_ns() - start;
    }
    report_half("allocate", size, how, taking, rounds);
    report_half("free", size, how, giving, rounds);
}

static void measure_scattered(size_t size) {
    for (size_t i = 0; i < SCATTERED; i++) {
        scattered[i] = cairn_malloc(size);
    }
    for (size_t i = 0; i < SCATTERED; i += 2) {
        cairn_free(scattered[i]);
    }
    measure(size, "scattered", leave_alone);
    for (size_t i = 1; i < SCATTERED; i += 2) {
        cairn_free(scattered[i]);
    }
}

static void *give_remotely(void *spent) {
    int64_t start = now_ns();
    give();
    *(int64_t *)spent += now_ns() - start;
    return NULL;
}

static void measure_remote(size_t size) {
    int64_t spent = 0;
    uint64_t remote_rounds = rounds < REMOTE_SHARE ? 1 : rounds / REMOTE_SHARE;
    for (uint64_t round = 0; round < remote_rounds; round++) {
        pthread_t thread;
        take(size);
        if (pthread_create(&thread, NULL, give_remotely, &spent) != 0) {
            abort();
        }
        (void)pthread_join(thread, NULL);
    }
    report_half("free", size, "by_another", spent, remote_rounds);
}

int main(int count, char **arguments) {
    static const size_t sizes[] = {16, 64, 256, 1024};
    if (count < 2) {
        fprintf(stderr, "usage: batch HOW [ROUNDS], with HOW one of batch, loop\n");
        return 2;
    }
#ifndef USE_MALLOC
    if (strcmp(arguments[1], "batch") == 0) {
        take = take_batch;
        give = give_batch;
    }
#endif
    rounds = number_or(arguments[2], ROUNDS);
    take(64);
    give();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        measure(sizes[i], "in_order", leave_alone);
        measure(sizes[i], "shuffled", shuffle);
        measure_scattered(sizes[i]);
        measure_remote(sizes[i]);
    }
    return 0;
}
