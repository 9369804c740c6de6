/*
 * mixed_sizes: one thread, many sizes, a remainder that lives long.
 *
 * A table of slots of which low ones are visited far more often than high
 * ones: objects there live for a few steps, those in the high slots for most
 * of the run. Sizes follow the same law, many of some tens of bytes, few of
 * some tens of kilobytes. The idea is that of alloc-test (OLogN), whose table
 * is visited by a Pareto law too.
 *
 * mixed_sizes [slots] [steps]
 */
#include "bench_util.h"

enum { SMALLEST = 8, LARGEST = 32768 };

struct slot {
    void *object;
    size_t size;
};

/* Below `bound`, each halving of the range twice as likely as the half above it. */
static size_t skewed_below(struct rng *rng, size_t bound) {
    size_t range = bound;
    while (range > 64 && rng_below(rng, 3) != 0) {
        range /= 2;
    }
    return rng_below(rng, range);
}

static size_t skewed_size(struct rng *rng) {
    size_t limit = 32;
    while (limit < LARGEST && rng_below(rng, 5) < 3) {
        limit *= 2;
    }
    return rng_between(rng, SMALLEST, limit);
}

int main(int argc, char **argv) {
    size_t slots = (size_t)bench_param(argc, argv, 1, 100000);
    long steps = bench_param(argc, argv, 2, 24000000);
    struct slot *table = bench_calloc(slots, sizeof *table);
    struct rng rng = {7};
    uint64_t checksum = 0;
    for (long step = 0; step < steps; step++) {
        struct slot *slot = &table[skewed_below(&rng, slots)];
        if (slot->object != NULL) {
            checksum += stamp_of(slot->object);
            stamped_free(slot->object, slot->size);
            slot->object = NULL;
        } else {
            slot->size = skewed_size(&rng);
            slot->object = stamped_alloc(slot->size, rng_next(&rng));
        }
    }
    for (size_t i = 0; i < slots; i++) {
        if (table[i].object != NULL) {
            stamped_free(table[i].object, table[i].size);
        }
    }
    free(table);
    return bench_finish(checksum);
}
