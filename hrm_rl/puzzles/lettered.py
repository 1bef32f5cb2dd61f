"""How puzzles are written whose values are one character each.

Suffixes: L cells, read row by row.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from hrm_rl.puzzles.task import Grid, PuzzleError

LONGEST_SIDE: Final = 64
"""Rows of a board at most, as of a maze; what fits no memory is refused before it takes any."""


def check_longest(task: str, size: int, longest: int) -> None:
    """Refuse a size that is out of all proportion.

    Raises:
        PuzzleError: it is larger than `longest`.
    """
    if size > longest:
        raise PuzzleError(f"the size of {task} must be at most {longest}, got {size}")


@dataclass(frozen=True)
class Lettered(Grid):
    """Text and tokens of a kind of puzzle: the value v is `letters[v]` and the token v + 1."""

    size: int
    """The number in the task's name."""

    letters: ClassVar[str]
    """A character for each value; the first, of value 0, stands where there is nothing."""

    @property
    def task(self) -> str:
        return f"{self.kind}{self.size}"

    @property
    def rows(self) -> int:
        return self.size

    @property
    def columns(self) -> int:
        return self.size

    @property
    def vocab(self) -> int:
        """PAD and the values."""
        return len(self.letters) + 1

    def parse(self, text: str) -> np.ndarray:
        """Values (L,) uint8 of a puzzle written row by row; white space and bars do not count."""
        text = "".join(text.removeprefix("\ufeff").replace("|", "").split())
        if len(text) != self.length:
            raise PuzzleError(
                f"{self.task} has {self.length} characters, {self.rows} x {self.columns}, "
                f"got {len(text)}; write it row by row"
            )
        strange = [i for i, letter in enumerate(text) if letter not in self.letters]
        if strange:
            raise PuzzleError(
                f"character {strange[0] + 1} of {self.task} must be one of {self.letters!r}, "
                f"got {text[strange[0]]!r}"
            )
        return np.array([self.letters.index(letter) for letter in text], dtype=np.uint8)

    def format(self, values_L: np.ndarray) -> str:
        """The inverse of `parse`."""
        return "".join(self.letters[int(value)] for value in values_L)

    def pretty(self, values_L: np.ndarray) -> str:
        """The grid as lines of text."""
        text = self.format(values_L)
        starts = range(0, self.length, self.columns)
        return "\n".join(" " + " ".join(text[i : i + self.columns]) for i in starts)

    def tokens(self, values: np.ndarray) -> np.ndarray:
        """Tokens of values, any shape, uint8."""
        return (np.asarray(values) + 1).astype(np.uint8)

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """Values of tokens, any shape, uint8; PAD reads as nothing."""
        return np.maximum(np.asarray(tokens), 1).astype(np.uint8) - np.uint8(1)
