"""Random orders of which any place can be looked up alone: nobody has to hold, or make, all the others.

A shuffled list of a hundred million units needs gigabytes, and all of it before the first of them is known. A keyed permutation
needs nothing: a Feistel network mixes the bits of a place, which permutes all numbers of so many bits; where one comes out that
is no place, it is mixed again until it is (`cycle walking`), which leaves a permutation of the places. In short lists a place
goes where its own random number stands among those of all others.

Sources: Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002; the mixing function is that of SplitMix64
(Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

import numpy as np
from numpy.typing import NDArray

from synthor.types import CellIndex

Bits = NDArray[np.uint64]

TIMES = 6
"""Rounds of the network; an even number, as its halves may differ by a bit."""

FEWEST = 6
"""Bits that are mixed at least: on fewer the network knows too few permutations."""

SHORT = 16
"""Places of a list up to which looking at all of them is quicker."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
ROUNDS = np.arange(TIMES, dtype=np.uint64) * GOLDEN


def permuted(places: CellIndex, sizes: CellIndex, keys: CellIndex, seed: int) -> CellIndex:
    """Where each place goes in a random order of its list, (n,).

    Args:
        places: (n,) from 0 on.
        sizes: (n,) how long the list is.
        keys: (n,) which list; each has an order of its own.
        seed: of all orders, of 63 bits.

    >>> permuted(np.arange(5), np.full(5, 5), np.zeros(5, np.int64), 1).tolist()
    [3, 4, 0, 1, 2]
    """
    found = places.astype(np.uint64)
    mixed = _mixed(keys.astype(np.uint64) * GOLDEN + _mixed(np.full(1, seed, np.uint64)))
    few = np.flatnonzero((sizes > 1) & (sizes <= SHORT))
    found[few] = _ranked(places[few], sizes[few], mixed[few])
    left = np.flatnonzero(sizes > SHORT)
    while len(left):
        size = sizes[left]
        bits = np.maximum(np.ceil(np.log2(size)), FEWEST).astype(np.uint64)
        found[left] = _network(found[left], bits, mixed[left])
        left = left[found[left] >= size.astype(np.uint64)]
    return found.astype(np.int64)


def _ranked(places: CellIndex, sizes: CellIndex, keys: Bits) -> CellIndex:
    """Where the random number of each place stands among those of its list."""
    own, found = _mixed(keys ^ places.astype(np.uint64)), np.zeros(len(places), np.int64)
    for place in range(int(sizes.max(initial=0))):
        other = _mixed(keys ^ np.uint64(place))
        before = (other < own) | ((other == own) & (place < places))
        found += before & (place < sizes)
    return found


def _network(values: Bits, bits: Bits, keys: Bits) -> Bits:
    """A permutation of all numbers of so many bits, each."""
    one = np.uint64(1)
    low = bits >> one
    high = bits - low
    left, right = values >> low, values & ((one << low) - one)
    for number in range(TIMES):
        into = _mixed(right + keys + ROUNDS[number])
        left, right = right, (left ^ into) & ((one << high) - one)
        low, high = high, low
    return np.asarray(left << low | right)


def _mixed(values: Bits) -> Bits:
    """Each bit of the result hangs on all bits of a value."""
    values = (values ^ (values >> np.uint64(30))) * FIRST
    values = (values ^ (values >> np.uint64(27))) * SECOND
    return np.asarray(values ^ (values >> np.uint64(31)))
