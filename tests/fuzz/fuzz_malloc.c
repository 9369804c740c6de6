/* The model under a fuzzer: the input's bytes are operations on the core, carried out by four
 * threads one after the other, so that an input does the same each time.  Threads free what others
 * allocated, end, and others come after them.  What is checked is in stress/shadow.h. */
#include <pthread.h>
#include <semaphore.h>

#include "stress/core_heap.h"
#include "stress/operations.h"

enum {
    ACTORS = 4, /* actor 0 is the fuzzer's own thread */
    SLOTS = 64,
    BYTES = 5, /* of one operation */
    RESTART = OPERATION_KINDS,
    KINDS
};

/* --- actors: threads that do one operation at a time, when they are told to ------------------- */

struct actor {
    pthread_t thread;
    bool runs;
    sem_t told;
    sem_t done;
    const struct operation *operation; /* NULL: end */
};

static struct object slots[SLOTS];
static struct shared_slot shared[4];
static struct worker worker = {&core_heap, slots, SLOTS, shared, 4};
static struct actor actors[ACTORS];

static void *actor_main(void *argument) {
    struct actor *actor = (struct actor *)argument;
    for (;;) {
        while (sem_wait(&actor->told) != 0) {}
        if (actor->operation == NULL) {
            return NULL;
        }
        operate(&worker, actor->operation);
        sem_post(&actor->done);
    }
}

static void stop_actor(struct actor *actor) {
    if (actor->runs) {
        actor->operation = NULL;
        sem_post(&actor->told);
        EXPECT(pthread_join(actor->thread, NULL) == 0);
        actor->runs = false;
    }
}

static void start_actor(struct actor *actor) {
    if (!actor->runs) {
        EXPECT(sem_init(&actor->told, 0, 0) == 0 && sem_init(&actor->done, 0, 0) == 0);
        EXPECT(pthread_create(&actor->thread, NULL, actor_main, actor) == 0);
        actor->runs = true;
    }
}

static void operate_as(unsigned number, const struct operation *operation) {
    if (number == 0) {
        operate(&worker, operation);
        return;
    }
    struct actor *actor = &actors[number];
    start_actor(actor);
    actor->operation = operation;
    sem_post(&actor->told);
    while (sem_wait(&actor->done) != 0) {}
}

/* --- from bytes to operations ----------------------------------------------------------------- */

/* A size as a small floating-point number: 10 bits, shifted by up to 11. */
static size_t decode_size(unsigned low, unsigned high) {
    unsigned code = low | high << 8;
    return (size_t)(code & 1023) << (code >> 10) % 12;
}

static void decode_and_operate(const uint8_t *bytes, uint64_t seed) {
    unsigned kind = (bytes[0] & 15u) % KINDS;
    unsigned actor = (unsigned)bytes[0] >> 4u & 3u;
    if (kind == RESTART) {
        stop_actor(&actors[actor]);
        return;
    }
    struct operation operation = {
        .kind = (enum operation_kind)kind,
        .slot = bytes[1],
        .size = decode_size(bytes[2], bytes[3]),
        .alignment_shift = 4 + bytes[4] % 18u, /* to 2 MiB */
        .seed = seed,
    };
    operate_as(actor, &operation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (size_t at = 0; at + BYTES <= size; at += BYTES) {
        decode_and_operate(data + at, at + 1);
    }
    for (unsigned i = 1; i < ACTORS; i++) {
        stop_actor(&actors[i]);
    }
    release_all(&worker);
    release_shared(&worker);
    return 0;
}
