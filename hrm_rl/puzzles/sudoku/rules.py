"""The rules of Sudoku in three sizes, and how a puzzle is written: text, digits, tokens.

Digits are 0 for a blank and 1 .. size. Tokens are as in the official HRM: 0 = PAD, 1 = blank, and
digit d = d + 1.

Suffixes: L cells of the grid, read row by row.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from hrm_rl.puzzles.sudoku.text import cells as text_cells
from hrm_rl.puzzles.task import Grid, PuzzleError

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Rows and columns of a box, by size of the grid."""

PAD, BLANK = 0, 1


@dataclass(frozen=True)
class Sudoku(Grid):
    """Sudoku on a `size` x `size` grid."""

    size: int
    """Rows, columns, boxes and digits: 4, 6 or 9."""

    def __post_init__(self) -> None:
        if self.size not in BOXES:
            raise PuzzleError(f"a Sudoku's size must be one of {sorted(BOXES)}, got {self.size}")

    @property
    def box_rows(self) -> int:
        return BOXES[self.size][0]

    @property
    def box_cols(self) -> int:
        return BOXES[self.size][1]

    @property
    def vocab(self) -> int:
        """PAD, blank and the digits."""
        return self.size + 2

    @property
    def rows(self) -> int:
        return self.size

    @property
    def units(self) -> np.ndarray:
        """(3 size, size) cells of each row, then each column, then each box."""
        return _units(self.size)

    def parse(self, text: str) -> np.ndarray:
        """Digits (L,) uint8 of the one puzzle in a text, as people write it (`sudoku.text`)."""
        found = text_cells(text, self.size).replace(".", "0")
        return np.frombuffer(found.encode("ascii"), np.uint8) - np.uint8(48)

    def format(self, digits_L: np.ndarray) -> str:
        """The inverse of `parse`, '.' for a blank."""
        return "".join(str(int(digit)) if digit else "." for digit in digits_L)

    def pretty(self, digits_L: np.ndarray) -> str:
        """The grid as lines of text, boxes set apart."""
        rule = "+".join(["-" * (2 * self.box_cols + 1)] * (self.size // self.box_cols))
        lines = []
        for row in range(self.size):
            if row and row % self.box_rows == 0:
                lines.append(rule)
            text = self.format(digits_L[row * self.size : (row + 1) * self.size])
            boxes = [text[i : i + self.box_cols] for i in range(0, self.size, self.box_cols)]
            lines.append("|".join(" " + " ".join(box) + " " for box in boxes))
        return "\n".join(lines)

    def tokens(self, digits: np.ndarray) -> np.ndarray:
        """Tokens of digits, any shape, uint8."""
        return (np.asarray(digits) + 1).astype(np.uint8)

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """Digits of tokens, any shape, uint8; PAD and blank become 0."""
        return np.maximum(np.asarray(tokens), BLANK).astype(np.uint8) - np.uint8(BLANK)

    def violations(self, digits_L: np.ndarray) -> np.ndarray:
        """(L,) bool: the cell shares its digit with another one of a row, column or box."""
        digits_L = np.asarray(digits_L)
        wrong_L = np.zeros(self.length, dtype=bool)
        for unit in self.units:
            counts = np.bincount(digits_L[unit], minlength=self.size + 1)
            counts[0] = 0
            wrong_L[unit] |= counts[digits_L[unit]] > 1
        return wrong_L

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: cells that repeat a digit of their unit, or overwrite a given."""
        overwritten_L = (givens_L != 0) & (cells_L != givens_L)
        return self.violations(cells_L) | overwritten_L

    def is_solution(self, puzzle_L: np.ndarray, answer_L: np.ndarray) -> bool:
        """`answer_L` fills every cell by the rules and keeps the givens of `puzzle_L` (digits)."""
        puzzle_L, answer_L = np.asarray(puzzle_L), np.asarray(answer_L)
        return bool(self.solved(puzzle_L[None], answer_L[None])[0])

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: `is_solution` of many at once."""
        keeps_givens_P = ((puzzles_PL == 0) | (puzzles_PL == answers_PL)).all(axis=1)
        bits_PL = np.left_shift(np.uint16(1), np.minimum(answers_PL, 15).astype(np.uint16))
        in_units_PU = np.bitwise_or.reduce(bits_PL[:, self.units], axis=2)
        return keeps_givens_P & (in_units_PU == (2 << self.size) - 2).all(axis=1)


@cache
def _units(size: int) -> np.ndarray:
    box_rows, box_cols = BOXES[size]
    cells = np.arange(size * size).reshape(size, size)
    boxes = cells.reshape(size // box_rows, box_rows, size // box_cols, box_cols).swapaxes(1, 2)
    units = np.concatenate([cells, cells.T, boxes.reshape(size, size)])
    units.flags.writeable = False  # one array for all callers
    return units


def for_length(length: int) -> Sudoku:
    """The rules for grids of `length` cells: 16, 36 or 81."""
    sizes = {size * size: size for size in BOXES}
    if length not in sizes:
        raise PuzzleError(f"a Sudoku has {', '.join(map(str, sizes))} cells, got {length}")
    return Sudoku(sizes[length])
