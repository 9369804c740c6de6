/* Number theory over the heap-allocated integers of bignum.h, as far as the factoriser needs it. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include "bignum.h"

static inline struct num *num_copy(const struct num *n) {
    struct num *copy = num_make(n->length);
    memcpy(copy->limb, n->limb, n->length * sizeof n->limb[0]);
    return copy;
}

static inline struct num *num_parse(const char *digits) {
    struct num *n = num_small(0);
    struct num *ten = num_small(10);
    for (; *digits != '\0'; digits++) {
        struct num *digit = num_small((uint32_t)(*digits - '0'));
        num_set(&n, num_mul(n, ten));
        num_set(&n, num_add(n, digit));
        free(digit);
    }
    free(ten);
    return n;
}

static inline struct num *num_mod(const struct num *a, const struct num *b) {
    struct num *rest = NULL;
    free(num_div(a, b, &rest));
    return rest;
}

static inline struct num *num_mul_mod(const struct num *a, const struct num *b,
                                      const struct num *modulus) {
    struct num *product = num_mul(a, b);
    struct num *rest = num_mod(product, modulus);
    free(product);
    return rest;
}

/* Greatest common divisor; takes both operands over. */
static inline struct num *num_gcd(struct num *a, struct num *b) {
    while (a->length != 0) {
        struct num *rest = num_mod(b, a);
        free(b);
        b = a;
        a = rest;
    }
    free(a);
    return b;
}

static inline struct num *num_root(const struct num *n) {
    struct num *root = num_make((n->length + 1u) / 2 + 1);
    memset(root->limb, 0, root->length * sizeof root->limb[0]);
    root->limb[root->length - 1] = 1;
    for (;;) {
        uint32_t odd = 0;
        struct num *next = num_div(n, root, NULL);
        num_set(&next, num_add(next, root));
        num_set(&next, num_div_small(next, 2, &odd));
        if (num_compare(next, root) >= 0) {
            free(next);
            return root;
        }
        num_set(&root, next);
    }
}

static inline bool is_prime(uint32_t n) {
    for (uint32_t d = 2; d * d <= n; d++) {
        if (n % d == 0) {
            return false;
        }
    }
    return n > 1;
}

static inline uint32_t power_mod(uint32_t base, uint32_t exponent, uint32_t modulus) {
    uint64_t result = 1, square = base;
    for (; exponent != 0; exponent >>= 1) {
        result = (exponent & 1) ? result * square % modulus : result;
        square = square * square % modulus;
    }
    return (uint32_t)result;
}

#endif
