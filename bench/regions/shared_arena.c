/* Several threads take objects of 16 to 64 bytes from one shared arena (USE_CAIRN), or from
 * malloc (USE_MALLOC), write all of each, and end them together.
 *
 *     shared_arena THREADS ROUNDS
 *
 * prints a line with nanoseconds of wall time per object. */
#include <pthread.h>

#include "measure.h"

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
    memory_start();
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    int64_t start = now_ns();
    for (long i = 0; i < threads; i++) {
        pthread_create(&ids[i], NULL, work, i == 0 ? &barrier : NULL);
    }
    for (long i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    uint64_t objects = (uint64_t)threads * (uint64_t)rounds * OBJECTS;
    report(threads == 1 ? "1_thread" : "threads", now_ns() - start, objects, objects);
    return 0;
}
