/*
 * migration: objects that pass between threads and outlive the phases that made them.
 *
 * In each phase a new set of threads allocates objects, mostly small, seldom
 * up to 64 KiB; some are freed at once, some kept until the phase ends, some
 * swapped with an object that another thread left in a shared table. Between
 * phases the threads are gone and half of the table is freed. The idea is that
 * of mstress (Leijen).
 *
 * migration [threads] [phases] [allocations per thread and phase]
 */
#include "bench_util.h"

#include <stdatomic.h>

enum { TABLE = 4096 };

struct object {
    size_t size;
    uint64_t stamp;
    struct object *next;
    unsigned char rest[];
};

static _Atomic(struct object *) table[TABLE];
static size_t allocations;

struct job {
    struct rng rng;
    uint64_t made, dropped;
};

static struct object *object_make(struct job *job) {
    struct rng *rng = &job->rng;
    size_t rest = rng_size(rng, 8, rng_below(rng, 100) == 0 ? 65536 : 512);
    struct object *object = bench_alloc(sizeof *object + rest);
    object->size = rest;
    object->stamp = rng_next(rng);
    object->next = NULL;
    memset(object->rest, (int)(object->stamp & 0xff), rest);
    job->made += object->stamp;
    return object;
}

static void object_drop(struct job *job, struct object *object) {
    if (object == NULL) {
        return;
    }
    unsigned char expected = (unsigned char)object->stamp;
    if (object->rest[0] != expected || object->rest[object->size - 1] != expected) {
        bench_fail("an object was overwritten");
    }
    job->dropped += object->stamp;
    free(object);
}

static void *phase(void *argument) {
    struct job *job = argument;
    struct object *kept = NULL;
    for (size_t i = 0; i < allocations; i++) {
        struct object *object = object_make(job);
        size_t fate = rng_below(&job->rng, 100);
        size_t place = rng_below(&job->rng, TABLE);
        if (fate < 30) {
            object_drop(job, atomic_exchange(&table[place], object));
        } else if (fate < 50) {
            object->next = kept;
            kept = object;
        } else {
            object_drop(job, object);
        }
        if (fate % 8 == 0 && kept != NULL) {
            struct object *oldest = kept;
            kept = kept->next;
            object_drop(job, oldest);
        }
    }
    while (kept != NULL) {
        struct object *next = kept->next;
        object_drop(job, kept);
        kept = next;
    }
    return NULL;
}

static void table_clear(struct job *job, size_t share) {
    for (size_t i = 0; i < TABLE; i++) {
        if (rng_below(&job->rng, 100) < share) {
            object_drop(job, atomic_exchange(&table[i], NULL));
        }
    }
}

int main(int argc, char **argv) {
    size_t threads = (size_t)bench_param(argc, argv, 1, 4);
    long phases = bench_param(argc, argv, 2, 150);
    allocations = (size_t)bench_param(argc, argv, 3, 30000);
    struct job *jobs = bench_calloc(threads + 1, sizeof *jobs);
    for (size_t i = 0; i <= threads; i++) {
        jobs[i].rng.state = i;
    }
    for (long p = 0; p < phases; p++) {
        run_threads(threads, phase, jobs, sizeof *jobs);
        table_clear(&jobs[threads], 50);
    }
    table_clear(&jobs[threads], 100);
    uint64_t made = 0, dropped = 0;
    for (size_t i = 0; i <= threads; i++) {
        made += jobs[i].made;
        dropped += jobs[i].dropped;
    }
    free(jobs);
    if (made != dropped) {
        bench_fail("not every object came back");
    }
    return bench_finish(made);
}
