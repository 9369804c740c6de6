/* The workloads of the pool's measurement, and main().  A program defines before it includes this:
 *
 *   set_up(), tear_down(), take() and give(object), of objects of OBJECT bytes (regions.cmake
 *   says how many that is)
 *
 *     pool [PAIRS]
 *
 * prints a line for each workload with nanoseconds for one take and one give. */
#include "measure.h"

#define BATCH 1000
#define LIVE  10000
#define DEPTH 256
#define BURST 100

static uint32_t pairs_wanted;
static void *objects[LIVE];

/* What a program does with an object at least: fill it. */
static inline void *take_and_fill(uint32_t value) {
    void *object = take();
    memset(object, (int)(value & 255), OBJECT);
    keep(object);
    return object;
}

/* One object, taken and given at once. */
static void pairs(void) {
    for (uint32_t i = 0; i < pairs_wanted; i++) {
        give(take_and_fill(i));
    }
}

/* A frame: a thousand objects, given back at its end in the order in which they were taken. */
static void frames(void) {
    for (uint32_t round = 0; round < pairs_wanted / BATCH; round++) {
        for (uint32_t i = 0; i < BATCH; i++) {
            objects[i] = take_and_fill(i);
        }
        for (uint32_t i = 0; i < BATCH; i++) {
            give(objects[i]);
        }
    }
}

/* Packets: a queue; the oldest is given back when a new one comes. */
static void queue(void) {
    for (uint32_t i = 0; i < DEPTH; i++) {
        objects[i] = take_and_fill(i);
    }
    for (uint32_t i = 0; i < pairs_wanted; i++) {
        give(objects[i % DEPTH]);
        objects[i % DEPTH] = take_and_fill(i);
    }
    for (uint32_t i = 0; i < DEPTH; i++) {
        give(objects[i]);
    }
}

/* Entities: ten thousand live, one at random dies and another is born.  The pool is full all the
 * time: what two bits for an object find hardest. */
static void entities(void) {
    uint64_t state = 88172645463325252u;
    for (uint32_t i = 0; i < LIVE; i++) {
        objects[i] = take_and_fill(i);
    }
    for (uint32_t i = 0; i < pairs_wanted; i++) {
        uint32_t victim = random_below(&state, LIVE);
        give(objects[victim]);
        objects[victim] = take_and_fill(i);
    }
    for (uint32_t i = 0; i < LIVE; i++) {
        give(objects[i]);
    }
}

/* The same in bursts: a hundred die, a hundred are born, as in a game's frame. */
static void bursts(void) {
    uint64_t state = 88172645463325252u;
    for (uint32_t i = 0; i < LIVE; i++) {
        objects[i] = take_and_fill(i);
    }
    for (uint32_t round = 0; round < pairs_wanted / BURST; round++) {
        uint32_t first = random_below(&state, LIVE - 7 * BURST);
        for (uint32_t i = 0; i < BURST; i++) {
            give(objects[first + i * 7]);
        }
        for (uint32_t i = 0; i < BURST; i++) {
            objects[first + i * 7] = take_and_fill(i);
        }
    }
    for (uint32_t i = 0; i < LIVE; i++) {
        give(objects[i]);
    }
}

static void measure(const char *name, void (*workload)(void)) {
    set_up();
    int64_t start = now_ns();
    workload();
    report(name, now_ns() - start, pairs_wanted, pairs_wanted);
    tear_down();
}

int main(int argc, char **argv) {
    pairs_wanted = (uint32_t)number_or(argc > 1 ? argv[1] : NULL, 4000000);
    measure("pairs", pairs);
    measure("frames", frames);
    measure("queue", queue);
    measure("entities", entities);
    measure("bursts", bursts);
    return 0;
}
