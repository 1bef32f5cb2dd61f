"""Parity of a vector: is the number of ones odd? The toy of adaptive computation (Graves 2016).

A puzzle is a vector of k >= 2 bits, and room for more. Its answer is their parity in the first cell,
and nothing behind it:

    0110100100......        ->  0...............

One *fold* replaces the last two bits by their parity, so that k bits take k - 1 folds. A machine
that folds once a segment (`models.stepper`) needs just that many segments: the rating.

Values: 0 nothing, 1 the bit 0, 2 the bit 1.

Suffixes: P puzzles, L cells.
"""

from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

import numpy as np

from hrm_rl.puzzles.lettered import LONGEST_SIDE, Lettered, check_longest
from hrm_rl.puzzles.task import PuzzleError


@dataclass(frozen=True)
class Parity(Lettered):
    """Parity of at most `size` bits, drawn as the rectangle that is nearest to a square."""

    letters: ClassVar[str] = ".01"

    def __post_init__(self) -> None:
        if self.size < 2:
            raise PuzzleError(f"a vector has room for 2 bits at least, got {self.size}")
        check_longest(self.task, self.size, LONGEST_SIDE**2)

    @property
    def rows(self) -> int:
        return max(n for n in range(1, isqrt(self.size) + 1) if self.size % n == 0)

    @property
    def columns(self) -> int:
        return self.size // self.rows

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: a vector of two bits or more, and the parity of its ones alone in the answer."""
        bits_P = (puzzles_PL != 0).sum(axis=1)
        in_front_P = ((puzzles_PL != 0) == (np.arange(self.size) < bits_P[:, None])).all(axis=1)
        odd_P = (puzzles_PL == 2).sum(axis=1) % 2
        right_P = (answers_PL[:, 0] == 1 + odd_P) & (answers_PL[:, 1:] == 0).all(axis=1)
        return in_front_P & (bits_P >= 2) & right_P

    def folded(self, puzzle_L: np.ndarray, left: int) -> np.ndarray:
        """(L,) the vector when `left` of its bits, 1 or more, are left."""
        bits = int(np.count_nonzero(puzzle_L))
        values_L = np.where(np.arange(self.size) < left, puzzle_L, 0).astype(np.uint8)
        values_L[left - 1] = 1 + np.count_nonzero(puzzle_L[left - 1 : bits] == 2) % 2
        return values_L

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: cells unlike those of the vector when it was folded to as many bits."""
        bits, left = int(np.count_nonzero(givens_L)), int(np.count_nonzero(cells_L))
        return cells_L != self.folded(givens_L, max(1, min(left, bits)))
