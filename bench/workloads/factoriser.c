/*
 * factoriser: short-lived small objects in one thread.
 *
 * Splits an integer by continued fractions. Every number is a heap object of
 * its own, nearly every operation makes one and drops its operands, so most
 * objects of 8 to 40 bytes live for a few operations only, while some
 * hundred relations stay until the end. The idea is that of cfrac, which the
 * allocator literature has used since the early nineties.
 *
 * factoriser [decimal digits of the number, 24 to 36 and even] [primes in the base]
 */
#include "numbers.h"

enum { MAX_PRIMES = 1024, ROW_WORDS = MAX_PRIMES / 64 + 1 };

/* a^2 = product of (-1)^exponent[0] and prime[i]^exponent[i] modulo the number. */
struct relation {
    struct num *a;
    uint8_t *exponent;
    uint64_t odd[ROW_WORDS];
    uint64_t *history;
};

static struct num *number;
static uint32_t prime[MAX_PRIMES];
static size_t primes;

/* prime[0] stands for the sign; then the primes that the number is a square modulo. */
static void choose_primes(size_t count) {
    prime[0] = 1;
    prime[1] = 2;
    primes = 2;
    for (uint32_t p = 3; primes < count; p += 2) {
        if (is_prime(p)) {
            uint32_t rest = 0;
            free(num_div_small(number, p, &rest));
            if (power_mod(rest, (p - 1) / 2, p) == 1) {
                prime[primes++] = p;
            }
        }
    }
}

/* Whether q falls apart into the chosen primes; fills the exponents. Gives up early when not. */
static bool is_smooth(const struct num *q, uint8_t *exponent) {
    struct num *left = num_copy(q);
    memset(exponent, 0, primes);
    for (size_t i = 1; i < primes && left->length > 1; i++) {
        uint32_t rest = 0;
        struct num *quotient = num_div_small(left, prime[i], &rest);
        while (rest == 0) {
            num_set(&left, quotient);
            exponent[i]++;
            quotient = num_div_small(left, prime[i], &rest);
        }
        free(quotient);
        if (i == primes / 4 && left->length + 1u >= q->length) {
            break;
        }
    }
    uint32_t value = left->length == 1 ? left->limb[0] : 0;
    free(left);
    for (size_t i = 1; i < primes && value > 1; i++) {
        for (; value % prime[i] == 0; value /= prime[i]) {
            exponent[i]++;
        }
    }
    return value == 1;
}

/* X^2 = Y^2: a divisor if the greatest common divisor of X + Y and the number is a proper one. */
static struct num *try_divisor(const struct relation *relations, size_t count,
                               const uint64_t *set) {
    uint32_t total[MAX_PRIMES] = {0};
    struct num *x = num_small(1);
    struct num *y = num_small(1);
    for (size_t r = 0; r < count; r++) {
        if (set[r / 64] >> (r % 64) & 1) {
            num_set(&x, num_mul_mod(x, relations[r].a, number));
            for (size_t i = 0; i < primes; i++) {
                total[i] += relations[r].exponent[i];
            }
        }
    }
    for (size_t i = 1; i < primes; i++) {
        struct num *p = num_small(prime[i]);
        for (uint32_t k = 0; k < total[i] / 2; k++) {
            num_set(&y, num_mul_mod(y, p, number));
        }
        free(p);
    }
    num_set(&x, num_add(x, y));
    free(y);
    return num_gcd(x, num_copy(number));
}

/* Adds the pivots to the row until its lowest odd exponent is a new one (it becomes that pivot) or
 * none is odd: then the relations in its history multiply to a square. */
static bool row_is_square(struct relation **pivot, struct relation *row, size_t words) {
    for (size_t i = 0; i < primes; i++) {
        if ((row->odd[i / 64] >> (i % 64) & 1) == 0) {
            continue;
        }
        if (pivot[i] == NULL) {
            pivot[i] = row;
            return false;
        }
        for (size_t w = 0; w < words; w++) {
            row->odd[w] ^= pivot[i]->odd[w];
            row->history[w] ^= pivot[i]->history[w];
        }
    }
    return true;
}

/* The continued fraction of the number's root: a^2 = (-1)^sign q at every step. */
struct fraction {
    struct num *root, *a, *a_before, *p, *q;
    unsigned sign;
};

static void fraction_start(struct fraction *f) {
    struct num *root = num_root(number);
    struct num *square = num_mul(root, root);
    *f = (struct fraction){root, num_copy(root), num_small(1), num_copy(root), NULL, 1};
    f->q = num_sub(number, square);
    free(square);
}

static void fraction_step(struct fraction *f) {
    struct num *sum = num_add(f->root, f->p);
    struct num *term = num_div(sum, f->q, NULL);
    num_set(&sum, num_mul_mod(term, f->a, number));
    num_set(&sum, num_add(sum, f->a_before));
    num_set(&f->a_before, f->a);
    f->a = num_mod(sum, number);
    num_set(&sum, num_mul(term, f->q));
    num_set(&f->p, num_sub(sum, f->p));
    num_set(&sum, num_mul(f->p, f->p));
    num_set(&sum, num_sub(number, sum));
    num_set(&f->q, num_div(sum, f->q, NULL));
    f->sign ^= 1;
    free(sum);
    free(term);
}

static void relation_make(struct relation *r, size_t index, const struct fraction *f,
                          const uint8_t *exponent, size_t words) {
    *r = (struct relation){num_copy(f->a), bench_alloc(primes), {0}, NULL};
    r->history = bench_calloc(words, sizeof *r->history);
    r->history[index / 64] |= (uint64_t)1 << (index % 64);
    memcpy(r->exponent, exponent, primes);
    r->exponent[0] = (uint8_t)f->sign;
    for (size_t i = 0; i < primes; i++) {
        r->odd[i / 64] |= (uint64_t)(r->exponent[i] & 1) << (i % 64);
    }
}

int main(int argc, char **argv) {
    static const char *const semiprimes[] = {
        "456464177727823960445753",
        "67612958916321791669934143",
        "3709731286327947590329599989",
        "383421893337983370571548909967",
        "79259847082904157133709622828959",
        "2953761103573076059087976959807427",
        "376347181566290940654336075903118543",
    };
    long digits = bench_param(argc, argv, 1, 34);
    if (digits < 24 || digits > 36) {
        bench_fail("no number of that many digits");
    }
    number = num_parse(semiprimes[(digits - 24) / 2]);
    choose_primes((size_t)bench_param(argc, argv, 2, 150) % MAX_PRIMES);
    size_t count = 0, words = primes / 64 + 1;
    struct relation *relations = bench_alloc(words * 64 * sizeof *relations);
    struct relation **pivot = bench_calloc(primes, sizeof(struct relation *));
    uint8_t exponent[MAX_PRIMES];
    struct fraction f;
    uint64_t steps = 0;
    for (fraction_start(&f); count < words * 64; fraction_step(&f), steps++) {
        if (is_smooth(f.q, exponent)) {
            relation_make(&relations[count], count, &f, exponent, words);
            if (row_is_square(pivot, &relations[count++], words)) {
                struct num *divisor = try_divisor(relations, count, relations[count - 1].history);
                if (divisor->length > 1 && num_compare(divisor, number) != 0) {
                    return bench_finish(steps << 16 | divisor->limb[0]);
                }
                free(divisor);
            }
        }
    }
    bench_fail("no divisor found");
}
