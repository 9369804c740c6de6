"""How well addresses can be foretold: which of their bits vary from process to process.

A bit that varies is one that the attacker must guess, if it varies by itself; so their number is an
upper bound of the entropy.  Where few values are seen at all, their number says more.
"""

import math


def varying_bits(values):
    """How many bits take the rarer value in at least one run of five."""
    count = 0
    for bit in range(64):
        ones = sum(value >> bit & 1 for value in values)
        count += min(ones, len(values) - ones) * 5 >= len(values)
    return count


def bits(values):
    """The bound from the bits, and that from the number of values seen, if it is the smaller."""
    distinct = len(set(values))
    return min(varying_bits(values), math.log2(distinct)) if distinct < len(values) / 4 \
        else varying_bits(values)


def figures(addresses):
    """(of the first object's address, of its distance from libc, of the second from the first)."""
    mask = (1 << 64) - 1
    return tuple(round(bits(values), 1) for values in (
        [first for first, _, _ in addresses],
        [first - libc & mask for first, _, libc in addresses],
        [second - first & mask for first, second, _ in addresses],
    ))
