/*
 * trees: a compiler's front end without arenas.
 *
 * Random expressions are parsed from text into trees of nodes of several
 * kinds and sizes with names as separate strings, folded (which replaces
 * subtrees by new nodes) and freed node by node; some trees stay until the
 * end. Freeing walks memory in another order than allocating did. The idea is
 * that of the binary-trees benchmark and of compilers.
 *
 * trees [trees] [depth]
 */
#include "bench_util.h"

enum kind { NUMBER, NAME, UNARY, BINARY, CALL };

struct node {
    enum kind kind;
    unsigned children;
    union {
        uint64_t number;
        char *name;
    };
    struct node *child[];
};

static struct node *node_make(enum kind kind, unsigned children) {
    struct node *node = bench_alloc(sizeof *node + children * sizeof node->child[0]);
    node->kind = kind;
    node->children = children;
    node->number = 0;
    return node;
}

static struct node *node_number(uint64_t number) {
    struct node *node = node_make(NUMBER, 0);
    node->number = number;
    return node;
}

static struct node *grow(struct rng *rng, unsigned depth) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    size_t choice = depth == 0 ? rng_below(rng, 2) : rng_between(rng, 1, 7);
    if (choice == 0) {
        return node_number(rng_below(rng, 1000));
    }
    enum kind kind = choice == 1 ? NAME : choice == 2 ? UNARY : choice <= 6 ? BINARY : CALL;
    unsigned children = kind == UNARY    ? 1
                        : kind == BINARY ? 2
                        : kind == CALL   ? (unsigned)rng_below(rng, 8)
                                         : 0;
    struct node *node = node_make(kind, children);
    if (kind == NAME || kind == CALL) {
        size_t length = rng_between(rng, 1, 40);
        node->name = memcpy(bench_alloc(length + 1), letters, length);
        node->name[length] = '\0';
    } else {
        node->number = rng_below(rng, 4);
    }
    for (unsigned i = 0; i < children; i++) {
        node->child[i] = grow(rng, depth - 1);
    }
    return node;
}

static void drop(struct node *node) {
    for (unsigned i = 0; i < node->children; i++) {
        drop(node->child[i]);
    }
    if (node->kind == NAME || node->kind == CALL) {
        free(node->name);
    }
    free(node);
}

static uint64_t apply(uint64_t operator, uint64_t a, uint64_t b) {
    switch (operator) {
    case 0:
        return a + b;
    case 1:
        return a - b;
    case 2:
        return a * b;
    default:
        return a ^ b;
    }
}

/* Constant folding: takes the tree over and gives another one back. */
static struct node *fold(struct node *node) {
    bool constant = node->kind == UNARY || node->kind == BINARY;
    for (unsigned i = 0; i < node->children; i++) {
        node->child[i] = fold(node->child[i]);
        constant = constant && node->child[i]->kind == NUMBER;
    }
    if (node->kind == NAME && node->name[0] != '\0' && strlen(node->name) % 2 == 0) {
        struct node *value = node_number(strlen(node->name));
        drop(node);
        return value;
    }
    if (!constant) {
        return node;
    }
    uint64_t a = node->child[0]->number;
    uint64_t b = node->children > 1 ? node->child[1]->number : 0;
    struct node *value = node_number(apply(node->number, a, b));
    drop(node);
    return value;
}

static uint64_t digest(const struct node *node) {
    uint64_t sum = node->kind == NUMBER ? node->number : (uint64_t)node->kind;
    for (unsigned i = 0; i < node->children; i++) {
        sum = sum * 31 + digest(node->child[i]);
    }
    return sum;
}

int main(int argc, char **argv) {
    enum { KEPT = 64 };
    long trees = bench_param(argc, argv, 1, 6000);
    unsigned depth = (unsigned)bench_param(argc, argv, 2, 12);
    struct node *kept[KEPT] = {NULL};
    struct rng rng = {19};
    uint64_t checksum = 0;
    for (long i = 0; i < trees; i++) {
        struct node *tree = fold(grow(&rng, depth));
        checksum = checksum * 17 + digest(tree);
        size_t place = rng_below(&rng, 4 * KEPT);
        if (place < KEPT) {
            struct node *older = kept[place];
            kept[place] = tree;
            tree = older;
        }
        if (tree != NULL) {
            drop(tree);
        }
    }
    for (size_t i = 0; i < KEPT; i++) {
        if (kept[i] != NULL) {
            drop(kept[i]);
        }
    }
    return bench_finish(checksum);
}
