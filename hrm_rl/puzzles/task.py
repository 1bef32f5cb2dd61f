"""What the rest of the library asks of a kind of puzzle.

Suffixes: L cells of a puzzle, read row by row; P puzzles.
"""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np


class PuzzleError(ValueError):
    """A puzzle, or a file of them, that cannot be used: what is wrong, where, and the cure."""


def first_line(error: Exception) -> str:
    """What an outside library has to say, in one line."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


class Task(Protocol):
    """The rules of one kind of puzzle in one size, and how a puzzle is written.

    A cell holds a *value*, 0 where nothing stands; models read and write *tokens*, of which 0 pads.
    """

    @property
    def task(self) -> str:
        """Its name, the kind and the size: "sudoku9", "maze10"."""

    @property
    def kind(self) -> str:
        """A key of `kinds.KINDS`."""

    @property
    def rows(self) -> int: ...

    @property
    def columns(self) -> int: ...

    @property
    def length(self) -> int:
        """Cells, which are the tokens of a puzzle: rows * columns."""

    @property
    def vocab(self) -> int:
        """Tokens that there are, PAD (0) included."""

    def parse(self, text: str) -> np.ndarray:
        """Values (L,) uint8 of a puzzle as text. Raises PuzzleError."""

    def format(self, values_L: np.ndarray) -> str:
        """The inverse of `parse`."""

    def pretty(self, values_L: np.ndarray) -> str:
        """The puzzle as lines of text, for people."""

    def tokens(self, values: np.ndarray) -> np.ndarray:
        """Tokens of values, any shape, uint8."""

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """Values of tokens, any shape, uint8."""

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: the answer (values) is right by the rules and keeps what the puzzle gives."""

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: cells (values) that break a rule or overwrite a given."""


class Grid(ABC):
    """What follows from a kind's class and its rows, unless a kind says otherwise."""

    @property
    @abstractmethod
    def rows(self) -> int: ...

    @property
    def columns(self) -> int:
        """As many as rows."""
        return self.rows

    @property
    def length(self) -> int:
        """Cells of the grid, which are the tokens of a puzzle."""
        return self.rows * self.columns

    @property
    def kind(self) -> str:
        """The name of the class."""
        return type(self).__name__.lower()

    @property
    def task(self) -> str:
        return f"{self.kind}{self.rows}"
