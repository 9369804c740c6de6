/*
 * exchange: threads, many sizes up to 32 KiB, some frees by another thread.
 *
 * Each thread goes through rounds: free a random part of what it holds,
 * allocate as many again, and swap a handful of objects with whatever another
 * thread left in the mailbox. What stays from round to round is a random
 * remainder of many sizes. The idea is that of rptest (Jansson).
 *
 * exchange [threads] [rounds per thread] [objects held per thread] [largest size]
 */
#include "bench_util.h"

#include <stdatomic.h>

enum { SMALLEST = 16, MAILBOXES = 64, SWAPS = 100 };

struct object {
    size_t size;
    uint64_t stamp;
};

struct job {
    struct rng rng;
    struct object **held;
    uint64_t made, freed;
};

static _Atomic(struct object *) mailbox[MAILBOXES];
static size_t rounds, holds, largest;

static struct object *make(struct job *job) {
    size_t size = rng_size(&job->rng, SMALLEST, largest);
    struct object *object = stamped_alloc(size, 0);
    *object = (struct object){size, rng_next(&job->rng)};
    job->made += object->stamp;
    return object;
}

static void drop(struct job *job, struct object *object) {
    job->freed += object->stamp;
    free(object);
}

static void *run(void *argument) {
    struct job *job = argument;
    struct rng *rng = &job->rng;
    job->held = bench_alloc(holds * sizeof *job->held);
    for (size_t i = 0; i < holds; i++) {
        job->held[i] = make(job);
    }
    for (size_t round = 0; round < rounds; round++) {
        size_t replaced = rng_between(rng, holds / 8, holds / 2);
        size_t start = rng_below(rng, holds);
        size_t stride = 2 * rng_below(rng, 50) + 1;
        for (size_t i = 0; i < replaced; i++) {
            size_t place = (start + i * stride) % holds;
            if (job->held[place] != NULL) {
                drop(job, job->held[place]);
                job->held[place] = NULL;
            }
        }
        for (size_t i = 0; i < replaced; i++) {
            size_t place = (start + i * stride) % holds;
            if (job->held[place] == NULL) {
                job->held[place] = make(job);
            }
        }
        for (size_t i = 0; i < SWAPS; i++) {
            struct object *mine = make(job);
            struct object *other = atomic_exchange(&mailbox[rng_below(rng, MAILBOXES)], mine);
            if (other != NULL) {
                drop(job, other);
            }
        }
    }
    for (size_t i = 0; i < holds; i++) {
        drop(job, job->held[i]);
    }
    free(job->held);
    return NULL;
}

int main(int argc, char **argv) {
    size_t threads = (size_t)bench_param(argc, argv, 1, 2);
    rounds = (size_t)bench_param(argc, argv, 2, 3000);
    holds = (size_t)bench_param(argc, argv, 3, 4001);
    largest = (size_t)bench_param(argc, argv, 4, 32768);
    struct job *jobs = bench_calloc(threads, sizeof *jobs);
    for (size_t i = 0; i < threads; i++) {
        jobs[i].rng.state = i;
    }
    run_threads(threads, run, jobs, sizeof *jobs);
    for (size_t i = 0; i < MAILBOXES; i++) {
        struct object *left = atomic_exchange(&mailbox[i], NULL);
        if (left != NULL) {
            drop(&jobs[0], left);
        }
    }
    uint64_t made = 0, freed = 0;
    for (size_t i = 0; i < threads; i++) {
        made += jobs[i].made;
        freed += jobs[i].freed;
    }
    free(jobs);
    if (made != freed) {
        bench_fail("not every object came back");
    }
    return bench_finish(made);
}
