/* The model test: several threads do everything a program may do with malloc, at random, and hand
 * objects to one another, while a shadow heap (shadow.h) checks what they get.
 *
 *   model [SEED [SECONDS [THREADS]]]
 *
 * The same seed gives the same operations; how the threads interleave is up to the machine. */
#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include "operations.h"

enum { MOST_THREADS = 16, SLOTS = 600, SHARED = 256, GENERATION = 40000 };

#ifdef __GLIBC__
#define TRIM malloc_trim
#else
#define TRIM NULL
#endif

static const struct heap_functions tested = {
    malloc, calloc, realloc, memalign, free, malloc_usable_size, TRIM};

static struct shared_slot shared[SHARED];
static struct object slots[MOST_THREADS][SLOTS];
static struct worker workers[MOST_THREADS];
static uint64_t seeds[MOST_THREADS];
static unsigned long counts[MOST_THREADS];
static time_t deadline;

static void *work(void *argument) {
    size_t self = (size_t)argument;
    for (unsigned i = 0; i < GENERATION; i++) {
        struct operation operation = random_operation(&seeds[self]);
        operate(&workers[self], &operation);
        counts[self]++;
        if (i % 256 == 0 && time(NULL) >= deadline) {
            break;
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
    long seconds = count > 2 ? strtol(arguments[2], NULL, 10) : 6;
    size_t threads = count > 3 ? (size_t)strtoul(arguments[3], NULL, 10) : 4;
    EXPECT(threads >= 1 && threads <= MOST_THREADS);
    say(1, "seed %lu, %ld seconds, %zu threads\n", (unsigned long)seed, seconds, threads);
    deadline = time(NULL) + seconds;
    for (size_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){&tested, slots[i], SLOTS, shared, SHARED};
        seeds[i] = (seed * 64 + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    }
    /* Threads end and others go on with their objects. */
    while (time(NULL) < deadline) {
        pthread_t running[MOST_THREADS];
        for (size_t i = 0; i < threads; i++) {
            EXPECT(pthread_create(&running[i], NULL, work, (void *)i) == 0);
        }
        for (size_t i = 0; i < threads; i++) {
            EXPECT(pthread_join(running[i], NULL) == 0);
        }
    }
    unsigned long total = 0;
    for (size_t i = 0; i < threads; i++) {
        release_all(&workers[i]);
        total += counts[i];
    }
    release_shared(&workers[0]);
    EXPECT(shadow_is_empty());
    say(1, "%lu operations, nothing violated\n", total);
    return 0;
}
