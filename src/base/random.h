/* Numbers that a program can't foresee and that cost a few cycles: not for keys.
 *
 * wyrand (Wang Yi): a counter, mixed by a wide multiplication.  Whoever seeds it well has 64 bits
 * that hide where its sequence is. */
#ifndef CAIRN_BASE_RANDOM_H
#define CAIRN_BASE_RANDOM_H

#include "base/bits.h"

static inline uint64_t wyrand(uint64_t *state) {
    *state += UINT64_C(0xa0761d6478bd642f);
    return multiply_mixed(*state, *state ^ UINT64_C(0xe7037ed1a0b428db));
}

#endif
