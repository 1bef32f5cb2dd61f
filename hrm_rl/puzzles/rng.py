"""A small random-number generator that gives the same numbers in numba and in plain Python.

sfc32 ("small fast counter", by Chris Doty-Humphrey, in PractRand): four 32-bit words and only
additions, shifts and xors, so nothing overflows the signed 64-bit integers of the kernels.
"""

import numpy as np

from hrm_rl.puzzles.jit import njit

MASK32 = 0xFFFFFFFF


@njit
def next_word(rng: np.ndarray) -> int:
    """The next 32 random bits; `rng` (4) int64 moves on in place."""
    a, b, c, counter = int(rng[0]), int(rng[1]), int(rng[2]), int(rng[3])
    result = (a + b + counter) & MASK32
    rng[0] = b ^ (b >> 9)
    rng[1] = (c + (c << 3)) & MASK32
    rng[2] = (((c << 21) | (c >> 11)) + result) & MASK32
    rng[3] = (counter + 1) & MASK32
    return result


@njit
def below(rng: np.ndarray, bound: int) -> int:
    """A random integer in [0, bound), bound < 2**31 (bias below bound / 2**32)."""
    return (next_word(rng) * bound) >> 32


@njit
def shuffle(rng: np.ndarray, items: np.ndarray) -> None:
    """Fisher-Yates shuffle of a 1-D array in place."""
    for last in range(items.shape[0] - 1, 0, -1):
        other = below(rng, last + 1)
        kept = items[last]
        items[last] = items[other]
        items[other] = kept


@njit
def stream(seed: int, kind: int, index: int) -> np.ndarray:
    """Generator number `index` of a kind under a seed, all three below 2**32: (4) int64."""
    rng = np.zeros(4, dtype=np.int64)
    rng[0] = seed & MASK32
    rng[1] = kind & MASK32
    rng[2] = index & MASK32
    rng[3] = 1
    for _ in range(16):
        next_word(rng)
    return rng
