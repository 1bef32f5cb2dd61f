"""ARC puzzles that carry their demonstrations, for models that read a task and have no table of tasks.

Suffixes: P puzzles, L tokens of a puzzle, G cells of a board, N boards.
"""

from dataclasses import dataclass

import numpy as np

from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.task import Grid, PuzzleError


@dataclass(frozen=True)
class Demos(Grid):
    """2 `pairs` boards of demonstrations and one of the question, below each other: "demos20x3".

    Answers are PAD, which is not scored, but for the last board.
    """

    side: int = 30
    """Rows and columns of a board, as of `Arc`."""
    pairs: int = 3
    """Demonstrations; where a task has fewer, boards are PAD."""

    def __post_init__(self) -> None:
        Arc(self.side)  # refuses what is no board
        if not 1 <= self.pairs <= 10:
            raise PuzzleError(f"a puzzle shows 1 to 10 pairs, got {self.pairs}")

    @property
    def task(self) -> str:
        return f"demos{self.side}x{self.pairs}"

    @property
    def board(self) -> Arc:
        """The boards, all of one size."""
        return Arc(self.side)

    @property
    def boards(self) -> int:
        """N."""
        return 2 * self.pairs + 1

    @property
    def rows(self) -> int:
        return self.boards * self.side

    @property
    def columns(self) -> int:
        return self.side

    @property
    def vocab(self) -> int:
        """PAD, EOS and the colours."""
        return self.board.vocab

    def parse(self, text: str) -> np.ndarray:
        """Values (L,) uint8 of boards written one after the other, each as `Arc` reads it."""
        text = "".join(text.split())
        if len(text) != self.length:
            raise PuzzleError(
                f"{self.boards} boards of side {self.side} have {self.length} characters, "
                f"got {len(text)}"
            )
        cells = self.board.length
        parts = (text[i : i + cells] for i in range(0, self.length, cells))
        return np.concatenate([self.board.parse(part) for part in parts])

    def format(self, values_L: np.ndarray) -> str:
        """The inverse of `parse`."""
        return self.board.format(values_L)

    def pretty(self, values_L: np.ndarray) -> str:
        """The grids that there are, one below the other."""
        grids = (self.board.pretty(values_G) for values_G in self.split(values_L) if values_G.any())
        return "\n\n".join(grids)

    def split(self, values: np.ndarray) -> np.ndarray:
        """(..., L) as boards (..., N, G)."""
        return np.asarray(values).reshape(*np.shape(values)[:-1], self.boards, -1)

    def tokens(self, values: np.ndarray) -> np.ndarray:
        """The values themselves."""
        return np.asarray(values, np.uint8)

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """The tokens themselves."""
        return np.asarray(tokens, np.uint8)

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: the last boards are a question and an answer as `Arc` has them."""
        questions_PG, answers_PG = (self.split(x)[:, -1] for x in (puzzles_PL, answers_PL))
        return self.board.solved(questions_PG, answers_PG)

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: as `Arc`, of the last board."""
        found_NG = np.zeros((self.boards, self.board.length), bool)
        found_NG[-1] = self.board.broken(self.split(givens_L)[-1], self.split(cells_L)[-1])
        return found_NG.reshape(-1)
