/*
 * Cubes and covers for the minimiser. A cube is a heap object with two bits
 * per variable, so its size follows the number of variables; the pairs of bits
 * behind the last variable are all ones.
 */
#ifndef COVER_H
#define COVER_H

#include "bench_util.h"

static size_t variables, words;

/* A set of cubes. */
struct cover {
    size_t count, room;
    uint64_t **cube;
};

/* What a cube says of a variable. */
enum { ZERO = 1, ONE = 2, FREE = 3 };

static inline unsigned literal(const uint64_t *cube, size_t v) {
    return (unsigned)(cube[v / 32] >> (v % 32 * 2)) & 3;
}

static inline void set_literal(uint64_t *cube, size_t v, uint64_t value) {
    cube[v / 32] = (cube[v / 32] & ~((uint64_t)3 << (v % 32 * 2))) | value << (v % 32 * 2);
}

static inline uint64_t *cube_copy(const uint64_t *cube) {
    return memcpy(bench_alloc(words * sizeof *cube), cube, words * sizeof *cube);
}

static inline uint64_t *cube_universe(void) {
    uint64_t *cube = bench_alloc(words * sizeof *cube);
    memset(cube, 0xff, words * sizeof *cube);
    return cube;
}

static inline bool cubes_meet(const uint64_t *a, const uint64_t *b) {
    for (size_t w = 0; w < words; w++) {
        uint64_t both = a[w] & b[w];
        if (((both | both >> 1) & 0x5555555555555555u) != 0x5555555555555555u) {
            return false;
        }
    }
    return true;
}

static inline void cover_add(struct cover *cover, uint64_t *cube) {
    if (cover->count == cover->room) {
        cover->room = cover->room == 0 ? 4 : cover->room * 2;
        cover->cube = bench_realloc(cover->cube, cover->room * sizeof *cover->cube);
    }
    cover->cube[cover->count++] = cube;
}

static inline void cover_drop(struct cover *cover) {
    for (size_t i = 0; i < cover->count; i++) {
        free(cover->cube[i]);
    }
    free(cover->cube);
}

#endif
