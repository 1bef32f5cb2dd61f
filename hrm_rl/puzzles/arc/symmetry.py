"""The ways in which an ARC task is varied, by number: turned, mirrored, its colours renamed.

Variant k is the same symmetry for every task: 0 leaves it as it is, 1 to 7 turn and mirror it, and
the others also rename the colours 1 to 9 (0, the background, stays). So an identifier says all, and
nothing has to be stored: 1 + (variants + 1) * task + k, where tasks are counted in the order of
their names. Identifier 0 is no puzzle's.

The public code draws other symmetries for each task, and leaves out what repeats a puzzle.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from hrm_rl.puzzles.rng import below, shuffle, stream
from hrm_rl.puzzles.task import PuzzleError

TURNS: Final = (
    (False, False, False),
    (True, False, True),
    (False, True, True),
    (True, True, False),
    (False, False, True),
    (False, True, False),
    (True, False, False),
    (True, True, True),
)
"""By the public code's number: is the grid transposed first, then rows, then columns reversed?
1 to 3 are quarter turns anticlockwise, 4 mirrors columns, 5 rows, 6 transposes, 7 the other way.

What is reversed is the old grid's: new cell (r, c) shows old cell (a, b), (a, b) being (r, c) or
(c, r), counted from the far end where reversed."""
INVERSE: Final = (0, 3, 2, 1, 4, 5, 6, 7)
"""The turn that takes back a turn."""
_SEED, _STREAM = 0, 80


class Symmetry(NamedTuple):
    """One way to vary a task."""

    turn: int
    """Index into `TURNS`."""
    colours: tuple[int, ...]
    """The new name of each colour."""

    def apply(self, grid: np.ndarray) -> np.ndarray:
        """The varied grid."""
        return np.array(self.colours, np.uint8)[turned(grid, self.turn)]

    def undo(self, grid: np.ndarray) -> np.ndarray:
        """The grid that `apply` made this one from."""
        return np.argsort(self.colours).astype(np.uint8)[turned(grid, INVERSE[self.turn])]

    @property
    def name(self) -> str:
        """As the public code writes it, "t3_0213456789"."""
        return f"t{self.turn}_{''.join(map(str, self.colours))}"


IDENTITY: Final = Symmetry(0, tuple(range(10)))


def turned(grid: np.ndarray, turn: int) -> np.ndarray:
    """The grid turned or mirrored."""
    transposed, rows, columns = TURNS[turn]
    old = grid[:: -1 if rows else 1, :: -1 if columns else 1]
    return old.T if transposed else old


@cache
def symmetries(variants: int) -> tuple[Symmetry, ...]:
    """The first 1 + `variants` symmetries, all different; the same at every call and machine."""
    found = {Symmetry(turn, IDENTITY.colours): None for turn in range(len(TURNS))}
    rng, colours = stream(_SEED, _STREAM, 0), np.arange(1, 10)
    while len(found) <= variants:
        shuffle(rng, colours)
        found[Symmetry(below(rng, len(TURNS)), (0, *colours.tolist()))] = None
    return tuple(found)[: variants + 1]


def split_name(name: str) -> tuple[str, Symmetry]:
    """Task and symmetry of a puzzle's name in the public data sets.

    "007bbfb7" is the task itself, "007bbfb7_t3_0213456789" (HRM) or with "|||" between (TRM) a
    variant.
    """
    task, *rest = name.split("|||") if "|||" in name else name.rsplit("_", 2)
    if len(rest) != 2 or not rest[0][1:].isdecimal() or sorted(rest[1]) != list("0123456789"):
        return name, IDENTITY
    return task, Symmetry(int(rest[0][1:]), tuple(map(int, rest[1])))


def distinct(grids: Sequence[np.ndarray], variants: int) -> list[int]:
    """The numbers of variants that are all different puzzles, the first of each that are alike.

    A task of few colours, or that looks the same from several sides, has fewer than there are
    numbers.
    """
    if not grids:
        raise PuzzleError("a task without grids has no variants; give at least one grid")
    seen: dict[bytes, int] = {}
    for k, symmetry in enumerate(symmetries(variants)):
        varied = (symmetry.apply(grid) for grid in grids)
        seen.setdefault(b"".join(bytes(grid.shape) + grid.tobytes() for grid in varied), k)
    return list(seen.values())
