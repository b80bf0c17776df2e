"""Random numbers named by what they are for, so that no result depends on the order in which work is done."""

import hashlib

import numpy as np


def generator(random_seed: int, *names: object) -> np.random.Generator:
    """The generator for one named purpose: the same names give the same numbers, other names independent ones.

    >>> generator(7, "pool", 0).random() == generator(7, "pool", 0).random() != generator(7, "pool", 1).random()
    True
    """
    text = "/".join(str(name) for name in (random_seed, *names))
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))
