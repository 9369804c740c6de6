/*
 * large_objects: objects of several MiB.
 *
 * A few slots are refilled at random with objects of 1 to 20 MiB of which
 * every page is touched, as buffers for images or columns would be. Each costs
 * at least its page faults unless the allocator keeps memory; one that keeps
 * too much pays in peak resident size. The idea is that of the field's
 * "malloc-large".
 *
 * large_objects [slots] [replacements] [MiB of the largest]
 */
#include "bench_util.h"

enum { PAGE = 4096 };

int main(int argc, char **argv) {
    size_t slots = (size_t)bench_param(argc, argv, 1, 16);
    long replacements = bench_param(argc, argv, 2, 600);
    size_t largest = (size_t)bench_param(argc, argv, 3, 20) << 20;
    unsigned char **object = bench_calloc(slots, sizeof *object);
    struct rng rng = {13};
    uint64_t checksum = 0;
    for (long i = 0; i < replacements; i++) {
        size_t place = rng_below(&rng, slots);
        size_t size = rng_between(&rng, (size_t)1 << 20, largest);
        if (object[place] != NULL) {
            checksum += object[place][PAGE];
            free(object[place]);
        }
        object[place] = bench_alloc(size);
        unsigned char mark = (unsigned char)rng_next(&rng);
        for (size_t at = 0; at < size; at += PAGE) {
            object[place][at] = mark;
        }
    }
    for (size_t place = 0; place < slots; place++) {
        free(object[place]);
    }
    free(object);
    return bench_finish(checksum);
}
