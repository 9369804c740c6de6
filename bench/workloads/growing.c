/*
 * growing: big and growing arrays, all by realloc.
 *
 * Three habits in turn: many small arrays that double in turns, so that none
 * has room behind it; one log buffer that grows in small fixed steps to tens
 * of megabytes; a few big arrays that grow by half, shrink to a quarter and
 * grow again. An allocator that copies less and moves pages instead wins.
 *
 * growing [repetitions] [small arrays] [megabytes of the log]
 */
#include "bench_util.h"

struct array {
    uint64_t *item;
    size_t count, room;
};

static void array_push(struct array *array, uint64_t value) {
    if (array->count == array->room) {
        array->room = array->room == 0 ? 2 : array->room * 2;
        array->item = bench_realloc(array->item, array->room * sizeof *array->item);
    }
    array->item[array->count++] = value;
}

static uint64_t array_take_sum(struct array *array) {
    uint64_t sum = 0;
    for (size_t i = 0; i < array->count; i++) {
        sum += array->item[i];
    }
    free(array->item);
    return sum;
}

static uint64_t doubling_arrays(struct rng *rng, size_t count) {
    struct array *arrays = bench_calloc(count, sizeof *arrays);
    for (size_t i = 0; i < count * 200; i++) {
        array_push(&arrays[rng_below(rng, count)], rng_next(rng));
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += array_take_sum(&arrays[i]);
    }
    free(arrays);
    return sum;
}

static uint64_t log_buffer(struct rng *rng, size_t limit) {
    enum { STEP = 6000 };
    size_t size = 0;
    char *text = NULL;
    while (size < limit) {
        text = bench_realloc(text, size + STEP);
        memset(text + size, (int)(rng_next(rng) & 0x7f), STEP);
        size += STEP;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i += STEP) {
        sum += (uint64_t)text[i];
    }
    free(text);
    return sum;
}

static uint64_t big_arrays(struct rng *rng) {
    enum { ARRAYS = 4, START = 100000, TURNS = 40, LIMIT = 2000000 };
    uint32_t *array[ARRAYS] = {NULL};
    size_t length[ARRAYS] = {0};
    uint64_t sum = 0;
    for (size_t turn = 0; turn < TURNS * ARRAYS; turn++) {
        size_t a = turn % ARRAYS;
        size_t before = length[a];
        length[a] = before == 0 ? START : before > LIMIT ? before / 4 : before + before / 2;
        array[a] = bench_realloc(array[a], length[a] * sizeof *array[a]);
        for (size_t i = before; i < length[a]; i++) {
            array[a][i] = (uint32_t)i ^ (uint32_t)turn;
        }
        sum += array[a][rng_below(rng, length[a])];
    }
    for (size_t a = 0; a < ARRAYS; a++) {
        free(array[a]);
    }
    return sum;
}

int main(int argc, char **argv) {
    long repetitions = bench_param(argc, argv, 1, 8);
    size_t arrays = (size_t)bench_param(argc, argv, 2, 20000);
    size_t megabytes = (size_t)bench_param(argc, argv, 3, 40);
    struct rng rng = {11};
    uint64_t checksum = 0;
    for (long r = 0; r < repetitions; r++) {
        checksum += doubling_arrays(&rng, arrays);
        checksum += log_buffer(&rng, megabytes << 20);
        checksum += big_arrays(&rng);
    }
    return bench_finish(checksum);
}
