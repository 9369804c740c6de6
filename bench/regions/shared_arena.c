/* Several threads take objects of 16 to 64 bytes from one shared arena (USE_CAIRN), or from
 * malloc (USE_MALLOC), write all of each, and end them together.
 *
 *     shared_arena THREADS ROUNDS
 *
 * prints nanoseconds of wall time per object, and their number. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MOST = 64, OBJECTS = 100000 };

#if defined(USE_CAIRN)

#include <cairn/shared_arena.h>

static struct cairn_shared_arena arena;

static void memory_start(void) { cairn_shared_arena_init(&arena, "bench", NULL); }
static void *take(size_t size) { return cairn_shared_arena_allocate(&arena, size, 8); }
static void drop_all(void) { cairn_shared_arena_reset(&arena); }
static void give(void *object) { (void)object; }

#elif defined(USE_MALLOC)

static void memory_start(void) {}
static void *take(size_t size) { return malloc(size); }
static void drop_all(void) {}
static void give(void *object) { free(object); }

#endif

static long rounds;
static pthread_barrier_t barrier;

struct object {
    struct object *next;
    uint64_t number;
};

static void *work(void *first_one) {
    for (long round = 0; round < rounds; round++) {
        struct object *objects = NULL;
        for (uint32_t i = 0; i < OBJECTS; i++) {
            size_t size = 16 + (size_t)(i * 2654435761U >> 30) * 16;
            struct object *object = take(size);
            if (object == NULL) {
                abort();
            }
            memset(object, 1, size);
            object->next = objects;
            objects = object;
        }
        for (struct object *object = objects, *next; object != NULL; object = next) {
            next = object->next;
            give(object);
        }
        pthread_barrier_wait(&barrier);
        if (first_one != NULL) {
            drop_all();
        }
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(int argc, char **argv) {
    long threads = argc == 3 ? atol(argv[1]) : 0;
    rounds = argc == 3 ? atol(argv[2]) : 0;
    if (threads < 1 || threads > THREADS_MOST || rounds < 1) {
        fprintf(stderr, "usage: shared_arena THREADS ROUNDS\n");
        return 2;
    }
    pthread_t ids[THREADS_MOST];
    struct timespec start;
    struct timespec end;
    memory_start();
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long i = 0; i < threads; i++) {
        pthread_create(&ids[i], NULL, work, i == 0 ? &barrier : NULL);
    }
    for (long i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    long objects = threads * rounds * OBJECTS;
    printf("%.3f %ld\n", ns / (double)objects, objects);
    return 0;
}
