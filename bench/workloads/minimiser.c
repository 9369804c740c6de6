/*
 * minimiser: many small mixed objects in one thread, short-lived beside long-lived.
 *
 * Minimises two-level logic. A function is a cover: a growing array of cubes,
 * each cube a heap object of two bits per variable. Complement and tautology
 * recurse over cofactors, which allocates and drops whole covers at every
 * level; the minimised covers stay until the end. The idea is that of espresso
 * (Berkeley), in the allocator literature since the early nineties.
 *
 * minimiser [functions] [cubes per function]
 */
#include "cover.h"

/* What is left of the cover where variable v has the value, with v free in every cube. */
static struct cover cofactor(const struct cover *cover, size_t v, unsigned value) {
    struct cover part = {0};
    for (size_t i = 0; i < cover->count; i++) {
        if (literal(cover->cube[i], v) & value) {
            uint64_t *cube = cube_copy(cover->cube[i]);
            set_literal(cube, v, FREE);
            cover_add(&part, cube);
        }
    }
    return part;
}

/* The variable that most cubes depend on; `variables` when one cube is all of space. */
static size_t split_variable(const struct cover *cover) {
    size_t best = 0, most = 0;
    size_t uses[128] = {0};
    for (size_t i = 0; i < cover->count; i++) {
        bool universe = true;
        for (size_t v = 0; v < variables; v++) {
            if (literal(cover->cube[i], v) != FREE) {
                uses[v]++;
                universe = false;
            }
        }
        if (universe) {
            return variables;
        }
    }
    for (size_t v = 0; v < variables; v++) {
        if (uses[v] > most) {
            most = uses[best = v];
        }
    }
    return best;
}

static struct cover complement(const struct cover *cover) {
    struct cover result = {0};
    if (cover->count == 0) {
        cover_add(&result, cube_universe());
        return result;
    }
    size_t v = split_variable(cover);
    if (v == variables) {
        return result;
    }
    for (unsigned value = ZERO; value <= ONE; value++) {
        struct cover part = cofactor(cover, v, value);
        struct cover rest = complement(&part);
        cover_drop(&part);
        for (size_t i = 0; i < rest.count; i++) {
            set_literal(rest.cube[i], v, value);
            cover_add(&result, rest.cube[i]);
        }
        free(rest.cube);
    }
    return result;
}

/* Frees every literal that can be freed without touching the off-set. */
static void expand(uint64_t *cube, const struct cover *off) {
    for (size_t v = 0; v < variables; v++) {
        uint64_t *wider = cube_copy(cube);
        set_literal(wider, v, FREE);
        bool valid = true;
        for (size_t i = 0; i < off->count && valid; i++) {
            valid = !cubes_meet(wider, off->cube[i]);
        }
        if (valid) {
            memcpy(cube, wider, words * sizeof *cube);
        }
        free(wider);
    }
}

/* Whether the other cubes of the cover contain this one: where it holds, they leave nothing out. */
static bool is_redundant(const struct cover *cover, size_t index) {
    const uint64_t *cube = cover->cube[index];
    struct cover others = {0};
    for (size_t i = 0; i < cover->count; i++) {
        if (i != index && cubes_meet(cover->cube[i], cube)) {
            uint64_t *part = cube_copy(cover->cube[i]);
            for (size_t w = 0; w < words; w++) {
                part[w] |= ~cube[w];
            }
            cover_add(&others, part);
        }
    }
    struct cover left_out = complement(&others);
    bool redundant = left_out.count == 0;
    cover_drop(&others);
    cover_drop(&left_out);
    return redundant;
}

static void minimise(struct cover *on) {
    struct cover off = complement(on);
    for (size_t i = 0; i < on->count; i++) {
        expand(on->cube[i], &off);
    }
    for (size_t i = on->count; i-- > 0;) {
        if (is_redundant(on, i)) {
            free(on->cube[i]);
            on->cube[i] = on->cube[--on->count];
        }
    }
    cover_drop(&off);
}

int main(int argc, char **argv) {
    size_t functions = (size_t)bench_param(argc, argv, 1, 200);
    size_t cubes = (size_t)bench_param(argc, argv, 2, 40);
    struct cover *minimised = bench_calloc(functions, sizeof *minimised);
    struct rng rng = {2};
    uint64_t checksum = 0;
    for (size_t f = 0; f < functions; f++) {
        variables = rng_between(&rng, 10, 120);
        words = (variables + 31) / 32;
        for (size_t i = 0; i < cubes; i++) {
            uint64_t *cube = cube_universe();
            for (size_t literals = rng_between(&rng, 3, 6); literals-- > 0;) {
                size_t v = rng_below(&rng, variables < 16 ? variables : 16) * (variables / 16 + 1);
                set_literal(cube, v % variables, rng_next(&rng) & 1 ? ZERO : ONE);
            }
            cover_add(&minimised[f], cube);
        }
        minimise(&minimised[f]);
        for (size_t i = 0; i < minimised[f].count; i++) {
            checksum =
                checksum * 31 + minimised[f].cube[i][0] * 7 + minimised[f].cube[i][words - 1];
        }
    }
    for (size_t f = 0; f < functions; f++) {
        cover_drop(&minimised[f]);
    }
    free(minimised);
    return bench_finish(checksum);
}
