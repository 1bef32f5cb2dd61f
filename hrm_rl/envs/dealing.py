"""Which puzzle is dealt when: a function of a slot's key and of how many it was dealt before.

So a slot's next puzzle can be known ahead, on the device, and a slot of many is dealt the same
puzzles as a single environment with the same key.

Shapes: N slots.
"""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor


def draw_puzzle(
    key_N: Int[Tensor, " N"], dealt_N: Int[Tensor, " N"], puzzles: int
) -> Int[Tensor, " N"]:
    """The index of puzzle number `dealt` of a slot, uniform over fewer than 2^31 `puzzles`."""
    upper_N = _shift(splitmix64(key_N, dealt_N), 33)
    return upper_N * puzzles >> 31


def splitmix64(key_N: Int[Tensor, " N"], count_N: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
    """Output number `count` (from 0) of SplitMix64 seeded with `key`, its 64 bits in an int64.

    Steele, Lea and Flood 2014. Sums and products are modulo 2^64, as int64 does them.
    """
    z_N = key_N + (count_N + 1) * (0x9E3779B97F4A7C15 - 2**64)
    z_N = (z_N ^ _shift(z_N, 30)) * (0xBF58476D1CE4E5B9 - 2**64)
    z_N = (z_N ^ _shift(z_N, 27)) * (0x94D049BB133111EB - 2**64)
    return z_N ^ _shift(z_N, 31)


def _shift(z_N: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros, not with the sign."""
    return (z_N >> bits) & (2 ** (64 - bits) - 1)
