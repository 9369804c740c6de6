/* Arithmetic on sizes and on 64-bit words, with nothing beyond the baseline instruction set. */
#ifndef CAIRN_BASE_BITS_H
#define CAIRN_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t round_up(size_t n, size_t power_of_two) {
    return (n + power_of_two - 1) & ~(power_of_two - 1);
}

static inline size_t round_down(size_t n, size_t power_of_two) { return n & ~(power_of_two - 1); }

static inline bool is_power_of_two(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

/* The smallest power of two that is at least n; n <= SIZE_MAX / 2 + 1. */
static inline size_t next_power_of_two(size_t n) {
    return n <= 1 ? 1 : (size_t)1 << (64 - __builtin_clzl(n - 1));
}

/* Index of the lowest set bit; word != 0.  (On x86-64 gcc and clang emit "rep bsf", which is tzcnt
 * where the CPU has it.) */
static inline unsigned lowest_bit(uint64_t word) { return (unsigned)__builtin_ctzll(word); }

/* word with its lowest n bits moved above the others; n < 64. */
static inline uint64_t rotated_right(uint64_t word, unsigned n) {
    return word >> n | word << (-n % 64);
}

/* Number of set bits.  The classic parallel sum: without -mpopcnt the builtin is a call into
 * libgcc. */
static inline unsigned count_bits(uint64_t word) {
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)((word * 0x0101010101010101u) >> 56);
}

/* The lowest n bits set; n <= 64. */
static inline uint64_t low_mask(unsigned n) {
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

/* The lowest `most` set bits of word, or all where it has fewer. */
static inline uint64_t lowest_bits(uint64_t word, unsigned most) {
    if (count_bits(word) <= most) {
        return word;
    }
    uint64_t rest = word;
    for (unsigned i = 0; i < most; i++) {
        rest &= rest - 1;
    }
    return word & ~rest;
}

/* Where the run of equal bits that begins at bit `from` ends; from < limit, which ends it too. */
static inline unsigned run_end(const uint64_t *words, unsigned from, unsigned limit) {
    uint64_t value = (words[from / 64] >> (from % 64) & 1) != 0 ? ~UINT64_C(0) : 0;
    uint64_t rest = ~low_mask(from % 64);
    for (unsigned w = from / 64; w * 64 < limit; w++, rest = ~UINT64_C(0)) {
        uint64_t other = (words[w] ^ value) & rest;
        if (other != 0) {
            unsigned end = w * 64 + lowest_bit(other);
            return end < limit ? end : limit;
        }
    }
    return limit;
}

/* Upper half of the product a * *b; *low is the lower one. */
static inline uint64_t multiply_wide(uint64_t a, const uint64_t *b, uint64_t *low) {
#if defined(__x86_64__)
    uint64_t high; /* from memory: it saves the copy that compilers make of *b */
    __asm__("mulq %3" : "=a"(*low), "=d"(high) : "0"(a), "m"(*b) : "cc");
    return high;
#else
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * *b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
#endif
}

/* Both halves of the product in one: each bit of it depends on most of those of a and b. */
static inline uint64_t multiply_mixed(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

#endif
