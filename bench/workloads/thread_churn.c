/*
 * thread_churn: thousands of short threads.
 *
 * Each thread frees what a thread before it left behind, allocates a little of
 * its own in several sizes, leaves some of it in turn and exits. What a heap
 * costs to set up and to take down counts here, and whether dead threads'
 * memory is used again.
 *
 * thread_churn [threads in all] [at a time] [objects per thread]
 */
#include "bench_util.h"

struct legacy {
    struct legacy *next;
    size_t size;
};

struct job {
    struct rng rng;
    struct legacy *left;
    uint64_t freed;
};

static size_t objects;

static void *run(void *argument) {
    struct job *job = argument;
    struct legacy *own = NULL, *left = NULL;
    for (size_t i = 0; i < objects; i++) {
        size_t size = rng_size(&job->rng, 16, 4096);
        struct legacy *object = stamped_alloc(size, 0);
        struct legacy **list = i % 8 == 0 ? &left : &own;
        *object = (struct legacy){*list, size};
        *list = object;
        if (job->left != NULL) {
            struct legacy *inherited = job->left;
            job->left = inherited->next;
            job->freed += inherited->size;
            free(inherited);
        }
    }
    while (own != NULL) {
        struct legacy *next = own->next;
        job->freed += own->size;
        free(own);
        own = next;
    }
    job->left = left;
    return NULL;
}

int main(int argc, char **argv) {
    size_t all = (size_t)bench_param(argc, argv, 1, 16000);
    size_t at_a_time = (size_t)bench_param(argc, argv, 2, 4);
    objects = (size_t)bench_param(argc, argv, 3, 400);
    struct job *jobs = bench_calloc(at_a_time, sizeof *jobs);
    pthread_t *threads = bench_calloc(at_a_time, sizeof *threads);
    for (size_t i = 0; i < all + at_a_time; i++) {
        size_t place = i % at_a_time;
        if (i >= at_a_time) {
            pthread_join(threads[place], NULL);
        }
        if (i < all) {
            jobs[place].rng.state = i;
            if (pthread_create(&threads[place], NULL, run, &jobs[place]) != 0) {
                bench_fail("pthread_create");
            }
        }
    }
    uint64_t checksum = 0;
    for (size_t place = 0; place < at_a_time; place++) {
        checksum += jobs[place].freed;
        while (jobs[place].left != NULL) {
            struct legacy *next = jobs[place].left->next;
            free(jobs[place].left);
            jobs[place].left = next;
        }
    }
    free(threads);
    free(jobs);
    return bench_finish(checksum);
}
