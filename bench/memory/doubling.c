/*
 * doubling: an array that grows by realloc, each time to twice its size.
 *
 * All of it is written. An allocator that copies holds one and a half times the
 * array at the last step; one that remaps or grows in place holds it once.
 *
 * doubling [-r FD] [MiB in the end]
 */
#include "memory_util.h"

enum { SMALLEST_ARRAY = 64 };

static void fill(unsigned char *array, size_t from, size_t to) {
    for (size_t i = from; i < to; i += STRIDE) {
        array[i] = (unsigned char)(i / STRIDE);
    }
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    size_t last = (size_t)bench_param(argc, argv, 1, 1024) << 20;
    report_and_rest("start", 0, REST_MS);
    report("grow", 0);
    unsigned char *array = NULL;
    size_t size = 0;
    for (size_t next = SMALLEST_ARRAY; next <= last; next *= 2) {
        array = bench_realloc(array, next);
        /* Bytes at multiples of STRIDE: all below the old size are written. */
        fill(array, (size + STRIDE - 1) / STRIDE * STRIDE, next);
        size = next;
        if (size >= (1 << 20)) {
            report("grow", size);
        }
    }
    report_and_rest("full", size, REST_MS);
    uint64_t checksum = 0;
    for (size_t i = 0; i < size; i += STRIDE) {
        if (array[i] != (unsigned char)(i / STRIDE)) {
            bench_fail("the array's content was lost");
        }
        checksum += array[i];
    }
    report("end", size);
    free(array);
    return bench_finish(checksum);
}
