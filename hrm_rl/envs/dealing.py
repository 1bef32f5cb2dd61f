"""Which puzzle is dealt when: a function of a slot's key and of how many it was dealt before.

So a slot's next puzzle can be known ahead, on the device, and a slot of many is dealt the same
puzzles as a single environment with the same key.

Shapes: N slots.
"""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor

from hrm_rl.models.drawn import splitmix64, upper


def draw_puzzle(
    key_N: Int[Tensor, " N"], dealt_N: Int[Tensor, " N"], puzzles: int
) -> Int[Tensor, " N"]:
    """The index of puzzle number `dealt` of a slot, uniform over fewer than 2^31 `puzzles`."""
    return upper(splitmix64(key_N, dealt_N), 31) * puzzles >> 31
