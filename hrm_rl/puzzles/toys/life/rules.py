"""Conway's Game of Life, k generations ahead, on a board whose edges meet.

Below the board is a row of k marks, 1 to `size` of them. The answer is the board after k
generations, with no mark left:

    .O...        .....
    ..O..        ..O..
    OOO..        ...O.
    .....   ->   .OOO.
    .....        .....
    ++++.        .....

A machine that runs a generation and strikes a mark every segment (`models.stepper`) needs just k
segments: the rating.

Values: 0 nothing, 1 alive, 2 a mark.

Suffixes: P puzzles, L cells, of which N are the board's and C the row's below it.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from hrm_rl.puzzles.lettered import LONGEST_SIDE, Lettered, check_longest
from hrm_rl.puzzles.task import PuzzleError


@dataclass(frozen=True)
class Life(Lettered):
    """Life on a `size` x `size` torus, with a row of marks below it."""

    letters: ClassVar[str] = ".O+"

    def __post_init__(self) -> None:
        if self.size < 5:
            raise PuzzleError(
                f"a board of Life has 5 x 5 cells at least, got {self.size} x {self.size}; on "
                "smaller ones nothing lives for long"
            )
        check_longest(self.task, self.size, LONGEST_SIDE)

    @property
    def rows(self) -> int:
        """The board's, and the row of marks."""
        return self.size + 1

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: a board with marks, and what becomes of it in as many generations."""
        boards_PN, marks_PC = self._parts(puzzles_PL)
        steps_P = np.count_nonzero(marks_PC, axis=1)
        in_front_P = (marks_PC == self.marks(steps_P[:, None])).all(axis=1)
        proper_P = in_front_P & (steps_P >= 1) & (boards_PN <= 1).all(axis=1)
        alive_PN = boards_PN == 1
        for step in range(self.size):
            alive_PN = np.where((step < steps_P)[:, None], after(alive_PN, self.size), alive_PN)
        answers_PN, none_PC = self._parts(answers_PL)
        return proper_P & (answers_PN == alive_PN).all(axis=1) & (none_PC == 0).all(axis=1)

    def generation(self, puzzle_L: np.ndarray, left: int) -> np.ndarray:
        """(L,) the puzzle when `left` of its marks are left."""
        board_N, marks_C = self._parts(puzzle_L)
        alive_N = board_N == 1
        for _ in range(np.count_nonzero(marks_C) - left):
            alive_N = after(alive_N, self.size)
        return np.concatenate([alive_N.astype(np.uint8), self.marks(left)])

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: cells unlike those of the generation that has as many marks left."""
        steps, left = (int(np.count_nonzero(self._parts(p)[1])) for p in (givens_L, cells_L))
        return cells_L != self.generation(givens_L, min(left, steps))

    def _parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The board (..., N) and the marks (..., C)."""
        return values[..., : self.size**2], values[..., self.size**2 :]

    def marks(self, count: int | np.ndarray) -> np.ndarray:
        """(..., C) the last row with so many marks."""
        return np.where(np.arange(self.size) < count, 2, 0).astype(np.uint8)


def after(alive_PN: np.ndarray, size: int) -> np.ndarray:
    """The next generation of boards, bool: born with 3 neighbours, kept with 2 or 3."""
    count_PN = alive_PN[..., _around(size)].sum(axis=-1)
    return (count_PN == 3) | (alive_PN & (count_PN == 2))


@cache
def _around(size: int) -> np.ndarray:
    """(N, 8) the neighbours of each cell; beyond an edge comes the opposite one."""
    cells = np.arange(size * size).reshape(size, size)
    shifts = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]
    return np.stack([np.roll(cells, shift, (0, 1)).ravel() for shift in shifts], axis=1)
