/* Batches against loops: a thousand objects allocated and freed, by cairn_malloc and cairn_free one
 * by one, and by cairn_malloc_batch and cairn_free_batch.  Objects are not touched: what is measured
 * is the allocator.
 *
 * In order: freed as they came.  Shuffled: freed at random, so that no neighbours meet.  Scattered:
 * every second object of the heap is live, so that no two free ones are neighbours.  By another:
 * freed by another thread than the one that allocated them.
 *
 * Prints, for each, nanoseconds for an object: its name, loop, batch. */
#include <cairn/cairn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

enum { OBJECTS = 1000, ROUNDS = 2000, REMOTE_ROUNDS = 200, SCATTERED = 20 * OBJECTS };

static void *objects[OBJECTS];
static void *scattered[SCATTERED];

struct way {
    void (*take)(size_t size);
    void (*give)(void);
};

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

static void take_batch(size_t size) {
    if (cairn_malloc_batch(size, OBJECTS, objects) != OBJECTS) {
        abort();
    }
}

static void give_batch(void) { cairn_free_batch(objects, OBJECTS); }

static const struct way loop = {take_each, give_each}, batch = {take_batch, give_batch};

static void shuffle(void) {
    uint64_t state = 88172645463325252u;
    for (size_t i = OBJECTS - 1; i > 0; i--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t other = (size_t)(state >> 33) % (i + 1);
        void *swapped = objects[i];
        objects[i] = objects[other];
        objects[other] = swapped;
    }
}

struct figures {
    double take;
    double give;
};

static struct figures measure(const struct way *way, size_t size, void (*between)(void)) {
    struct figures figures = {0, 0};
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        way->take(size);
        double taken = now_ns();
        if (between != NULL) {
            between();
        }
        double ready = now_ns();
        way->give();
        figures.take += taken - start;
        figures.give += now_ns() - ready;
    }
    figures.take /= (double)OBJECTS * ROUNDS;
    figures.give /= (double)OBJECTS * ROUNDS;
    return figures;
}

static void show(const char *what, size_t size, const char *how, double one, double many) {
    printf("%s_%zu_%s %.2f %.2f\n", what, size, how, one, many);
}

static void compare(size_t size, const char *how, void (*between)(void)) {
    struct figures one = measure(&loop, size, between);
    struct figures many = measure(&batch, size, between);
    show("allocate", size, how, one.take, many.take);
    show("free", size, how, one.give, many.give);
}

static void compare_scattered(size_t size) {
    for (size_t i = 0; i < SCATTERED; i++) {
        scattered[i] = cairn_malloc(size);
    }
    for (size_t i = 0; i < SCATTERED; i += 2) {
        cairn_free(scattered[i]);
    }
    compare(size, "scattered", NULL);
    for (size_t i = 1; i < SCATTERED; i += 2) {
        cairn_free(scattered[i]);
    }
}

struct remote {
    const struct way *way;
    double spent;
};

static void *give_remotely(void *argument) {
    struct remote *remote = argument;
    double start = now_ns();
    remote->way->give();
    remote->spent += now_ns() - start;
    return NULL;
}

static double measure_remote(const struct way *way, size_t size) {
    struct remote remote = {way, 0};
    for (int round = 0; round < REMOTE_ROUNDS; round++) {
        pthread_t thread;
        way->take(size);
        if (pthread_create(&thread, NULL, give_remotely, &remote) != 0) {
            abort();
        }
        (void)pthread_join(thread, NULL);
    }
    return remote.spent / ((double)OBJECTS * REMOTE_ROUNDS);
}

int main(void) {
    static const size_t sizes[] = {16, 64, 256, 1024};
    take_each(64);
    give_each();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        compare(sizes[i], "in_order", NULL);
        compare(sizes[i], "shuffled", shuffle);
        compare_scattered(sizes[i]);
        show("free", sizes[i], "by_another", measure_remote(&loop, sizes[i]),
             measure_remote(&batch, sizes[i]));
    }
    return 0;
}
