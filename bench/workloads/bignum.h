/*
 * Integers of any size for the factoriser, each a heap object of its own:
 * every operation allocates its result, nothing is done in place.
 */
#ifndef BIGNUM_H
#define BIGNUM_H

#include "bench_util.h"

/* Little-endian limbs of 16 bits, no leading zeros, never negative. */
struct num {
    uint32_t length;
    uint16_t limb[];
};

static inline struct num *num_make(size_t length) {
    struct num *n = bench_alloc(sizeof *n + length * sizeof n->limb[0]);
    n->length = (uint32_t)length;
    return n;
}

static inline struct num *num_trim(struct num *n) {
    while (n->length > 0 && n->limb[n->length - 1] == 0) {
        n->length--;
    }
    return n;
}

static inline struct num *num_small(uint32_t value) {
    struct num *n = num_make(2);
    n->limb[0] = (uint16_t)value;
    n->limb[1] = (uint16_t)(value >> 16);
    return num_trim(n);
}

/* The result takes the place of the variable's old value. */
static inline void num_set(struct num **variable, struct num *value) {
    free(*variable);
    *variable = value;
}

static inline int num_compare(const struct num *a, const struct num *b) {
    if (a->length != b->length) {
        return a->length < b->length ? -1 : 1;
    }
    for (size_t i = a->length; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

static inline struct num *num_add(const struct num *a, const struct num *b) {
    size_t longest = a->length > b->length ? a->length : b->length;
    struct num *sum = num_make(longest + 1);
    uint32_t carry = 0;
    for (size_t i = 0; i <= longest; i++) {
        carry += (i < a->length ? a->limb[i] : 0u) + (i < b->length ? b->limb[i] : 0u);
        sum->limb[i] = (uint16_t)carry;
        carry >>= 16;
    }
    return num_trim(sum);
}

/* a - b for a >= b. */
static inline struct num *num_sub(const struct num *a, const struct num *b) {
    struct num *difference = num_make(a->length);
    int32_t borrow = 0;
    for (size_t i = 0; i < a->length; i++) {
        int32_t d = (int32_t)a->limb[i] - (i < b->length ? (int32_t)b->limb[i] : 0) - borrow;
        borrow = d < 0;
        difference->limb[i] = (uint16_t)d;
    }
    return num_trim(difference);
}

static inline struct num *num_mul(const struct num *a, const struct num *b) {
    struct num *product = num_make((size_t)a->length + b->length);
    memset(product->limb, 0, product->length * sizeof product->limb[0]);
    for (size_t i = 0; i < a->length; i++) {
        uint32_t carry = 0;
        for (size_t j = 0; j < b->length; j++) {
            carry += (uint32_t)a->limb[i] * b->limb[j] + product->limb[i + j];
            product->limb[i + j] = (uint16_t)carry;
            carry >>= 16;
        }
        product->limb[i + b->length] = (uint16_t)carry;
    }
    return num_trim(product);
}

static inline struct num *num_div_small(const struct num *a, uint32_t divisor, uint32_t *rest) {
    struct num *quotient = num_make(a->length);
    uint32_t r = 0;
    for (size_t i = a->length; i-- > 0;) {
        r = (r << 16) | a->limb[i];
        quotient->limb[i] = (uint16_t)(r / divisor);
        r %= divisor;
    }
    *rest = r;
    return num_trim(quotient);
}

static inline struct num *num_shift(const struct num *a, unsigned bits) {
    struct num *shifted = num_make((size_t)a->length + 1);
    uint32_t carry = 0;
    for (size_t i = 0; i <= a->length; i++) {
        carry |= (i < a->length ? (uint32_t)a->limb[i] : 0u) << bits;
        shifted->limb[i] = (uint16_t)carry;
        carry >>= 16;
    }
    return shifted;
}

/* Schoolbook division; the rest only if the caller asks for it. */
static inline struct num *num_div(const struct num *a, const struct num *b, struct num **rest) {
    uint32_t small_rest = 0;
    if (b->length == 1) {
        struct num *quotient = num_div_small(a, b->limb[0], &small_rest);
        if (rest != NULL) {
            *rest = num_small(small_rest);
        }
        return quotient;
    }
    unsigned bits = (unsigned)__builtin_clz(b->limb[b->length - 1]) - 16;
    size_t n = b->length;
    struct num *u = num_shift(a, bits);
    struct num *v = num_shift(b, bits);
    struct num *quotient = num_make(a->length < n ? 0 : a->length - n + 1);
    for (size_t k = quotient->length; k-- > 0;) {
        uint32_t top = ((uint32_t)u->limb[k + n] << 16) | u->limb[k + n - 1];
        uint64_t guess = top / v->limb[n - 1];
        uint64_t left = top % v->limb[n - 1];
        while (guess > 0xffff || guess * v->limb[n - 2] > ((left << 16) | u->limb[k + n - 2])) {
            guess--;
            left += v->limb[n - 1];
            if (left > 0xffff) {
                break;
            }
        }
        int64_t borrow = 0;
        for (size_t i = 0; i <= n; i++) {
            int64_t d = (int64_t)u->limb[k + i] - (int64_t)(guess * v->limb[i]) + borrow;
            u->limb[k + i] = (uint16_t)d;
            borrow = d >> 16;
        }
        if (borrow < 0) {
            uint32_t carry = 0;
            guess--;
            for (size_t i = 0; i <= n; i++) {
                carry += (uint32_t)u->limb[k + i] + v->limb[i];
                u->limb[k + i] = (uint16_t)carry;
                carry >>= 16;
            }
        }
        quotient->limb[k] = (uint16_t)guess;
    }
    if (rest != NULL) {
        struct num *r = num_make(n);
        for (size_t i = 0; i < n; i++) {
            uint32_t low = i < u->length ? u->limb[i] : 0;
            uint32_t high = i + 1 < u->length ? u->limb[i + 1] : 0;
            r->limb[i] = (uint16_t)((low | (high << 16)) >> bits);
        }
        *rest = num_trim(r);
    }
    free(u);
    free(v);
    return num_trim(quotient);
}

#endif
