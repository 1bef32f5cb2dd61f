"""n queens on an n x n board, some of which stand already: put the others so that none attacks another.

To tell whether that can be done is NP-complete (Gent, Jefferson and Nightingale 2017), and a puzzle
may have several answers: `solved` takes any of them, and one is stored.

Values: 0 nothing, 1 a queen.

Suffixes: P puzzles, L cells, U lines of the board.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from hrm_rl.puzzles.lettered import LONGEST_SIDE, Lettered, check_longest
from hrm_rl.puzzles.task import PuzzleError


@dataclass(frozen=True)
class Queens(Lettered):
    """The queens' completion problem on a `size` x `size` board."""

    letters: ClassVar[str] = ".Q"

    def __post_init__(self) -> None:
        if self.size < 4:
            raise PuzzleError(f"a board for queens has 4 x 4 cells at least, got {self.size}")
        check_longest(self.task, self.size, LONGEST_SIDE)

    @property
    def lines(self) -> np.ndarray:
        """(U, L) bool: the cells of each row, column and diagonal."""
        return _lines(self.size)

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: as many queens as rows, those of the puzzle among them, one a line at most."""
        keeps_P = ((puzzles_PL == 0) | (puzzles_PL == answers_PL)).all(axis=1)
        queens_PL = answers_PL == 1
        in_lines_PU = queens_PL.astype(np.int64) @ self.lines.T
        legal_P = (in_lines_PU <= 1).all(axis=1) & (answers_PL <= 1).all(axis=1)
        return keeps_P & legal_P & (queens_PL.sum(axis=1) == self.size)

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: queens that are attacked, and cells that a queen of the puzzle was taken from."""
        queens_L = cells_L == 1
        crowded_U = self.lines @ queens_L.astype(np.int64) > 1
        return (queens_L & self.lines[crowded_U].any(axis=0)) | ((givens_L == 1) & ~queens_L)


@cache
def _lines(size: int) -> np.ndarray:
    row_L, column_L = np.divmod(np.arange(size * size), size)
    lines = [
        key_L == line
        for key_L in (row_L, column_L, row_L + column_L, row_L - column_L)
        for line in np.unique(key_L)
    ]
    lines_UL = np.stack(lines)
    lines_UL.flags.writeable = False  # one array for all callers
    return lines_UL
