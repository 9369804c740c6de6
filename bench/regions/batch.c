/* A thousand objects allocated and freed, again and again: by cairn_malloc_batch and
 * cairn_free_batch, or one by one by cairn_malloc and cairn_free, as the argument says (batch or
 * loop); built without the library, by malloc and free.  The objects are not touched: what is
 * measured is the allocator.
 *
 *   in_order     freed in the order in which they came
 *   shuffled     freed at random: no neighbours meet
 *   scattered    every second object of the heap is live: no two free ones are neighbours
 *   by_another   freed by another thread than the one that allocated them
 *
 * Prints for each half of it: a name, nanoseconds for an object, and how many objects it were. */
#ifdef USE_MALLOC
#define cairn_malloc malloc
#define cairn_free   free
#else
#include <cairn/cairn.h>
#endif
#include <pthread.h>

#include "clock.h"

enum { OBJECTS = 1000, ROUNDS = 3000, REMOTE_ROUNDS = 300, SCATTERED = 20 * OBJECTS };

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

static void report_half(const char *half, size_t size, const char *how, double ns, int rounds) {
    double count = (double)OBJECTS * rounds;
    printf("%s_%zu_%s %.3f %.0f\n", half, size, how, ns / count, count);
}

static void measure(size_t size, const char *how, void (*between)(void)) {
    double taking = 0;
    double giving = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        take(size);
        taking += now_ns() - start;
        between();
        start = now_ns();
        give();
        giving += now_ns() - start;
    }
    report_half("allocate", size, how, taking, ROUNDS);
    report_half("free", size, how, giving, ROUNDS);
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
    double start = now_ns();
    give();
    *(double *)spent += now_ns() - start;
    return NULL;
}

static void measure_remote(size_t size) {
    double spent = 0;
    for (int round = 0; round < REMOTE_ROUNDS; round++) {
        pthread_t thread;
        take(size);
        if (pthread_create(&thread, NULL, give_remotely, &spent) != 0) {
            abort();
        }
        (void)pthread_join(thread, NULL);
    }
    report_half("free", size, "by_another", spent, REMOTE_ROUNDS);
}

int main(int count, char **arguments) {
    static const size_t sizes[] = {16, 64, 256, 1024};
#ifndef USE_MALLOC
    if (count > 1 && strcmp(arguments[1], "batch") == 0) {
        take = take_batch;
        give = give_batch;
    }
#else
    (void)count;
    (void)arguments;
#endif
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
