/*
 * batches: allocate a batch, free it in order, in reverse or at random.
 *
 * Each round allocates a batch of objects of a few neighbouring sizes, with
 * every eighth freed again while the batch is built, then frees the rest in
 * one of three orders. With the partner mode a thread frees the batch of its
 * neighbour instead of its own. The idea is that of MicroQuill's sh6bench
 * (one thread's own batches) and sh8bench (batches that other threads free).
 *
 * batches [threads] [1 own, 2 partner's] [rounds] [objects per batch]
 */
#include "bench_util.h"

struct item {
    void *object;
    size_t size;
};

struct job {
    struct rng rng;
    size_t index;
    uint64_t freed_stamps;
    struct item *batch;
};

enum order { FIRST_TO_LAST, LAST_TO_FIRST, SHUFFLED, ORDERS };

static size_t threads, rounds, batch_length;
static bool frees_partners;
static struct job *jobs;
static pthread_barrier_t all_built, all_freed;

static void build(struct job *job, size_t round) {
    size_t smallest = (size_t)16 << (round % 5);
    for (size_t i = 0; i < batch_length; i++) {
        struct item *item = &job->batch[i];
        item->size = rng_between(&job->rng, smallest, smallest * 2);
        item->object = stamped_alloc(item->size, rng_next(&job->rng));
        if (i % 8 == 7) {
            struct item *early = &job->batch[i - rng_below(&job->rng, 8)];
            job->freed_stamps += stamp_of(early->object);
            stamped_free(early->object, early->size);
            *early = *item;
            item->object = NULL;
        }
    }
}

static void free_batch(struct job *job, struct item *batch, enum order order) {
    for (size_t i = batch_length; i > 1 && order == SHUFFLED; i--) {
        size_t other = rng_below(&job->rng, i);
        struct item swap = batch[other];
        batch[other] = batch[i - 1];
        batch[i - 1] = swap;
    }
    for (size_t i = 0; i < batch_length; i++) {
        struct item *item = &batch[order == LAST_TO_FIRST ? batch_length - 1 - i : i];
        if (item->object != NULL) {
            job->freed_stamps += stamp_of(item->object);
            stamped_free(item->object, item->size);
        }
    }
}

static void *run(void *argument) {
    struct job *job = argument;
    for (size_t round = 0; round < rounds; round++) {
        build(job, round);
        struct job *victim = job;
        if (frees_partners) {
            pthread_barrier_wait(&all_built);
            victim = &jobs[(job->index + 1) % threads];
        }
        free_batch(job, victim->batch, (enum order)(round % ORDERS));
        if (frees_partners) {
            pthread_barrier_wait(&all_freed);
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    threads = (size_t)bench_param(argc, argv, 1, 1);
    frees_partners = bench_param(argc, argv, 2, 1) == 2;
    rounds = (size_t)bench_param(argc, argv, 3, 900);
    batch_length = (size_t)bench_param(argc, argv, 4, 20000);
    jobs = bench_calloc(threads, sizeof *jobs);
    for (size_t i = 0; i < threads; i++) {
        jobs[i].rng.state = i;
        jobs[i].index = i;
        jobs[i].batch = bench_calloc(batch_length, sizeof *jobs[i].batch);
    }
    pthread_barrier_init(&all_built, NULL, (unsigned)threads);
    pthread_barrier_init(&all_freed, NULL, (unsigned)threads);
    run_threads(threads, run, jobs, sizeof *jobs);
    uint64_t checksum = 0;
    for (size_t i = 0; i < threads; i++) {
        checksum += jobs[i].freed_stamps;
        free(jobs[i].batch);
    }
    free(jobs);
    return bench_finish(checksum);
}
