"""Mazes: find a shortest way from S to G through the free cells of a grid (paper, "Benchmarks").

Text, tokens and cells are the public data's: `CHARSET` is "# SGo", and a cell's value is its token,
0 = PAD, 1 = wall, 2 = free, 3 = start, 4 = goal, 5 = path. An answer is the question with the free
cells of the way turned into path; start and goal stay. Of several shortest ways the stored one takes,
at each cell from the start on, the first nearer step of down, left, right, up (`wavefront.way`).

Suffixes: P puzzles, S rows (and columns), L cells of the grid, read row by row.
"""

from dataclasses import dataclass

import numpy as np

from hrm_rl.puzzles.maze import wavefront
from hrm_rl.puzzles.task import Grid, PuzzleError

CHARSET = "# SGo"
PAD, WALL, FREE, START, GOAL, PATH = range(6)
LONGEST_SIDE = 64


@dataclass(frozen=True)
class Maze(Grid):
    """Mazes on a `side` x `side` grid without a wall around it, steps up, down, left and right."""

    side: int
    """Rows and columns: 2 to 64."""

    def __post_init__(self) -> None:
        if not 2 <= self.side <= LONGEST_SIDE:
            raise PuzzleError(f"a maze's side must lie in 2..{LONGEST_SIDE}, got {self.side}")

    @property
    def rows(self) -> int:
        return self.side

    @property
    def vocab(self) -> int:
        """PAD and the characters."""
        return len(CHARSET) + 1

    def parse(self, text: str) -> np.ndarray:
        """Values (L,) uint8 of a maze or an answer written row by row, as `pretty` draws it too.

        Spaces that an editor took from the ends of rows are put back.
        """
        text = self._cells(text.removeprefix("\ufeff"))
        if len(text) != self.length:
            raise PuzzleError(
                f"a maze of {self.side}x{self.side} has {self.length} characters, got {len(text)}; "
                f"write it row by row in the characters {CHARSET!r}, spaces included"
            )
        values_L = np.array([CHARSET.find(character) + 1 for character in text], dtype=np.uint8)
        bad = np.flatnonzero(values_L == PAD)
        if len(bad):
            raise PuzzleError(
                f"character {bad[0] + 1} must be one of {CHARSET!r} (wall, free, start, goal, "
                f"path), got {text[bad[0]]!r}"
            )
        return values_L

    def _cells(self, text: str) -> str:
        """The text without line ends, frame, and spaces between cells."""
        lines = text.splitlines()
        rows = [line for line in lines if line.strip() and line.strip(" +-")]
        framed = [line.strip() for line in rows]
        if len(framed) == self.side and all(
            len(line) == 2 * self.side + 3 and line[0] == line[-1] == "|" for line in framed
        ):
            return "".join(line[2:-1:2] for line in framed)
        if len(lines) == self.side and max(map(len, lines)) <= self.side:
            return "".join(line.ljust(self.side) for line in lines)
        return "".join(lines)

    def format(self, values_L: np.ndarray) -> str:
        """The inverse of `parse`; PAD, which no maze has, is written as free."""
        return "".join(CHARSET[value - 1] if value else " " for value in map(int, values_L))

    def pretty(self, values_L: np.ndarray) -> str:
        """The grid as lines of text, in a frame."""
        text = self.format(values_L)
        rule = "+" + "-" * (2 * self.side + 1) + "+"
        rows = [text[i : i + self.side] for i in range(0, self.length, self.side)]
        return "\n".join([rule, *("| " + " ".join(row) + " |" for row in rows), rule])

    def tokens(self, values: np.ndarray) -> np.ndarray:
        """Tokens of values, any shape, uint8: the same numbers."""
        return np.asarray(values).astype(np.uint8)

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """Values of tokens, any shape, uint8: the same numbers."""
        return np.asarray(tokens).astype(np.uint8)

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: the answer is the maze with one of its shortest ways, and nothing else."""
        pairs = zip(np.asarray(puzzles_PL), np.asarray(answers_PL), strict=True)
        return np.array([self._solved(puzzle_L, answer_L) for puzzle_L, answer_L in pairs], bool)

    def _solved(self, puzzle_L: np.ndarray, answer_L: np.ndarray) -> bool:
        path_L = answer_L == PATH
        kept_L = answer_L == puzzle_L
        if not np.where(path_L, puzzle_L == FREE, kept_L).all():
            return False
        start, goal = (wavefront.bits(puzzle_L == end, self.side) for end in (START, GOAL))
        if start.bit_count() != 1 or goal.bit_count() != 1:
            return False
        free = wavefront.bits(puzzle_L != WALL, self.side)
        path = wavefront.bits(path_L, self.side) | start | goal
        needed = wavefront.steps(free, start, goal, self.side)
        return needed == wavefront.steps(path, start, goal, self.side) == path.bit_count() - 1

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: the cell changes the maze, or the path has an end or a fork there.

        Where a path is predicted on a free cell it needs two neighbours on the path, start and goal
        need one. 0 (nothing) breaks nothing.
        """
        givens_L, cells_L = np.asarray(givens_L), np.asarray(cells_L)
        shown_L = np.where(cells_L == 0, givens_L, cells_L)
        way_L = (shown_L == PATH) & (givens_L == FREE)
        overwritten_L = (shown_L != givens_L) & ~way_L
        end_L = (givens_L == START) | (givens_L == GOAL)
        neighbours_L = self._neighbours(way_L | end_L)
        loose_L = way_L & (neighbours_L != 2) | end_L & (neighbours_L != 1)
        return overwritten_L | (loose_L & way_L.any())

    def _neighbours(self, cells_L: np.ndarray) -> np.ndarray:
        """(L,) int: how many of the up to four neighbours of each cell are marked."""
        wide_SS = np.pad(cells_L.reshape(self.side, self.side), 1).astype(np.int64)
        counts_SS = wide_SS[:-2, 1:-1] + wide_SS[2:, 1:-1] + wide_SS[1:-1, :-2] + wide_SS[1:-1, 2:]
        return counts_SS.ravel()
