/*
 * free_only: many producers, one thread that only frees, a bound on what is live.
 *
 * Eight threads allocate, a ninth frees everything and never allocates. At no
 * time are more than the given megabytes of objects live, so what the process
 * holds beyond them is memory that the allocator could not bring back to the
 * producers. The peak resident size is the figure to look at here.
 *
 * The bound holds for each producer's share alone, so that all are at work all
 * the time; or for all together, so that the share of each producer swings and
 * memory has to find its way from one that waits to one that runs.
 *
 * free_only [producers] [megabytes live at most] [megabytes in total] [1 shares, 2 together]
 */
#include "bench_util.h"

enum { BATCH = 256, SMALLEST = 32, LARGEST = 1024 };

/* Objects of a batch are chained through their first word; the size is the second. */
struct object {
    struct object *next;
    size_t size;
};

struct producer {
    struct rng rng;
    size_t bytes_left;
    uint64_t allocated;
    size_t live_bytes;
};

/* A batch with the live bytes it counts in, those of its producer or of all. */
struct batch {
    struct object *chain;
    size_t *live_bytes;
};

/* A ring with room for as many batches as can be live. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t room, work;
    struct batch *batches;
    size_t room_for, first, count;
    size_t live_bytes, live_limit;
    size_t producers_left;
    bool one_bound;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .room = PTHREAD_COND_INITIALIZER,
            .work = PTHREAD_COND_INITIALIZER};

/* Sizes are drawn first: a batch is allocated only when all of it fits under the bound. */
static void produce_batch(struct producer *producer) {
    size_t *live_bytes = shared.one_bound ? &shared.live_bytes : &producer->live_bytes;
    size_t sizes[BATCH], total = 0;
    for (size_t i = 0; i < BATCH; i++) {
        total += sizes[i] = rng_size(&producer->rng, SMALLEST, LARGEST);
    }
    pthread_mutex_lock(&shared.lock);
    while (*live_bytes + total > shared.live_limit) {
        pthread_cond_wait(&shared.room, &shared.lock);
    }
    *live_bytes += total;
    pthread_mutex_unlock(&shared.lock);

    struct object *chain = NULL;
    for (size_t i = 0; i < BATCH; i++) {
        struct object *object = bench_alloc(sizes[i]);
        memset(object, 0x5a, sizes[i]);
        *object = (struct object){chain, sizes[i]};
        chain = object;
    }
    producer->allocated += total;
    producer->bytes_left -= total < producer->bytes_left ? total : producer->bytes_left;

    pthread_mutex_lock(&shared.lock);
    shared.batches[(shared.first + shared.count++) % shared.room_for] =
        (struct batch){chain, live_bytes};
    pthread_cond_signal(&shared.work);
    pthread_mutex_unlock(&shared.lock);
}

static void *produce(void *argument) {
    struct producer *producer = argument;
    while (producer->bytes_left > 0) {
        produce_batch(producer);
    }
    pthread_mutex_lock(&shared.lock);
    shared.producers_left--;
    pthread_cond_signal(&shared.work);
    pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static void *free_everything(void *argument) {
    uint64_t *freed = argument;
    for (;;) {
        pthread_mutex_lock(&shared.lock);
        while (shared.count == 0 && shared.producers_left > 0) {
            pthread_cond_wait(&shared.work, &shared.lock);
        }
        struct batch batch = {NULL, NULL};
        if (shared.count > 0) {
            batch = shared.batches[shared.first++ % shared.room_for];
            shared.count--;
        }
        pthread_mutex_unlock(&shared.lock);
        if (batch.chain == NULL) {
            return NULL;
        }
        size_t total = 0;
        for (struct object *object = batch.chain, *next; object != NULL; object = next) {
            next = object->next;
            total += object->size;
            free(object);
        }
        *freed += total;
        pthread_mutex_lock(&shared.lock);
        *batch.live_bytes -= total;
        pthread_cond_broadcast(&shared.room);
        pthread_mutex_unlock(&shared.lock);
    }
}

int main(int argc, char **argv) {
    size_t count = (size_t)bench_param(argc, argv, 1, 8);
    shared.live_limit = (size_t)bench_param(argc, argv, 2, 63) * 1000000;
    size_t total = (size_t)bench_param(argc, argv, 3, 1000) * 1000000;
    shared.room_for = shared.live_limit / (BATCH * SMALLEST) + 1;
    shared.batches = bench_alloc(shared.room_for * sizeof *shared.batches);
    shared.producers_left = count;
    shared.one_bound = bench_param(argc, argv, 4, 1) == 2;
    shared.live_limit /= shared.one_bound ? 1 : count;
    struct producer *producers = bench_calloc(count, sizeof *producers);
    for (size_t i = 0; i < count; i++) {
        producers[i].rng.state = i;
        producers[i].bytes_left = total / count;
    }
    pthread_t freer;
    uint64_t freed = 0, allocated = 0;
    pthread_create(&freer, NULL, free_everything, &freed);
    run_threads(count, produce, producers, sizeof *producers);
    pthread_join(freer, NULL);
    for (size_t i = 0; i < count; i++) {
        allocated += producers[i].allocated;
    }
    free(producers);
    free(shared.batches);
    if (freed != allocated) {
        bench_fail("freed and allocated bytes differ");
    }
    return bench_finish(allocated);
}
