/*
 * producers: batches allocated by one thread and freed by another.
 *
 * Producers fill batches with small objects and put them into a short queue;
 * consumers take them out and free every object. No thread ever frees what it
 * allocated, so an allocator has to bring the memory back to the producers
 * without growing and without moving cache lines to and fro for each object.
 * The idea is that of xmalloc-test (Lever and Boreham, 2000; Evans).
 *
 * producers [producers and as many consumers] [batches per producer] [objects per batch]
 */
#include "bench_util.h"

enum { QUEUE_LENGTH = 8, SMALLEST = 16, LARGEST = 256 };

struct batch {
    size_t count;
    struct {
        void *object;
        size_t size;
    } item[];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *waiting[QUEUE_LENGTH];
    size_t first, count;
    size_t producers_left;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {NULL}, 0, 0, 0};

static size_t batches, batch_length;

static void queue_put(struct batch *batch) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE_LENGTH) {
        pthread_cond_wait(&queue.changed, &queue.lock);
    }
    queue.waiting[(queue.first + queue.count++) % QUEUE_LENGTH] = batch;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

/* NULL once the queue is empty and every producer is done. */
static struct batch *queue_take(void) {
    struct batch *batch = NULL;
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0 && queue.producers_left > 0) {
        pthread_cond_wait(&queue.changed, &queue.lock);
    }
    if (queue.count > 0) {
        batch = queue.waiting[queue.first++ % QUEUE_LENGTH];
        queue.count--;
        pthread_cond_broadcast(&queue.changed);
    }
    pthread_mutex_unlock(&queue.lock);
    return batch;
}

struct job {
    bool produces;
    struct rng rng;
    uint64_t freed_stamps;
};

static void produce(struct job *job) {
    for (size_t b = 0; b < batches; b++) {
        struct batch *batch = bench_alloc(sizeof *batch + batch_length * sizeof batch->item[0]);
        batch->count = batch_length;
        for (size_t i = 0; i < batch_length; i++) {
            batch->item[i].size = rng_size(&job->rng, SMALLEST, LARGEST);
            batch->item[i].object = stamped_alloc(batch->item[i].size, rng_next(&job->rng));
        }
        queue_put(batch);
    }
    pthread_mutex_lock(&queue.lock);
    queue.producers_left--;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void consume(struct job *job) {
    for (struct batch *batch; (batch = queue_take()) != NULL;) {
        for (size_t i = 0; i < batch->count; i++) {
            job->freed_stamps += stamp_of(batch->item[i].object);
            stamped_free(batch->item[i].object, batch->item[i].size);
        }
        free(batch);
    }
}

static void *run(void *argument) {
    struct job *job = argument;
    if (job->produces) {
        produce(job);
    } else {
        consume(job);
    }
    return NULL;
}

int main(int argc, char **argv) {
    size_t pairs = (size_t)bench_param(argc, argv, 1, 2);
    batches = (size_t)bench_param(argc, argv, 2, 2000);
    batch_length = (size_t)bench_param(argc, argv, 3, 2000);
    queue.producers_left = pairs;
    struct job *jobs = bench_calloc(2 * pairs, sizeof *jobs);
    for (size_t i = 0; i < 2 * pairs; i++) {
        jobs[i].produces = i % 2 == 0;
        jobs[i].rng.state = i;
    }
    run_threads(2 * pairs, run, jobs, sizeof *jobs);
    uint64_t checksum = 0;
    for (size_t i = 0; i < 2 * pairs; i++) {
        checksum += jobs[i].freed_stamps;
    }
    free(jobs);
    return bench_finish(checksum);
}
