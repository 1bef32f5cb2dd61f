"""ARC boards: a coloured grid of any size on a square board, as the public HRM code writes it.

The grid lies on a board of PAD with a row of EOS below it and a column of EOS right of it, where
there is room (`dataset/build_arc_dataset.py` of the public code). What stands in a cell is its token:
0 = PAD, 1 = EOS, and colour c = c + 2.

Suffixes: L cells of the board, read row by row; S one side of it; P puzzles.
"""

from dataclasses import dataclass

import numpy as np

from hrm_rl.puzzles.task import Grid, PuzzleError

PAD, EOS, FIRST_COLOUR = 0, 1, 2
COLOURS = 10
MAX_SIDE = 30
CHARACTERS = ".|0123456789"
"""How tokens are written: nothing, the end of the grid, the colours."""


@dataclass(frozen=True)
class Arc(Grid):
    """Boards of `side` x `side` cells, "arc30"; with identifiers for `variants`, "arc30x100"."""

    side: int = MAX_SIDE
    """Rows and columns of the board: 3 to 30, which is what the grids of ARC need."""
    variants: int = 1000
    """Varied puzzles beside each task's own, every one with an identifier (`symmetry`)."""

    def __post_init__(self) -> None:
        if not 3 <= self.side <= MAX_SIDE:
            raise PuzzleError(f"the side of an ARC board must be 3 to {MAX_SIDE}, got {self.side}")
        if not 0 <= self.variants <= 100_000:
            raise PuzzleError(f"variants must be 0 to 100,000, got {self.variants}")

    @property
    def task(self) -> str:
        return f"arc{self.side}" + (f"x{self.variants}" if self.variants != 1000 else "")

    @property
    def rows(self) -> int:
        return self.side

    @property
    def vocab(self) -> int:
        """PAD, EOS and the colours."""
        return FIRST_COLOUR + COLOURS

    def parse(self, text: str) -> np.ndarray:
        """Values (L,) uint8 of a board written row by row: '.', '|' for EOS, colours 0 to 9.

        Or of a grid alone, a row a line and two at least, as `pretty` writes it.
        """
        text = text.removeprefix("\ufeff")
        lines = ["".join(line.split()) for line in text.splitlines() if line.strip()]
        text = "".join(lines)
        widths = {len(line) for line in lines}
        if len(lines) > 1 and len(text) < self.length and text.isdecimal() and len(widths) == 1:
            grid = np.array([[int(colour) for colour in line] for line in lines], np.uint8)
            return self.board(grid)
        if len(text) != self.length:
            raise PuzzleError(
                f"a {self.side}x{self.side} ARC board has {self.length} characters, "
                f"got {len(text)}; write it row by row with '.' where nothing is"
            )
        values = [CHARACTERS.find(c) for c in text]
        if -1 in values:
            bad = values.index(-1)
            raise PuzzleError(
                f"character {bad + 1} must be '.', '|' or a colour 0 to 9, got {text[bad]!r}"
            )
        return np.array(values, np.uint8)

    def format(self, values_L: np.ndarray) -> str:
        """The inverse of `parse`."""
        return "".join(CHARACTERS[value] for value in values_L)

    def pretty(self, values_L: np.ndarray) -> str:
        """The grid at the top left as lines of digits."""
        rows = (" ".join(str(colour) for colour in row) for row in self.grid(values_L))
        return "\n".join(rows) or "(no grid)"

    def tokens(self, values: np.ndarray) -> np.ndarray:
        """The values themselves."""
        return np.asarray(values, np.uint8)

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """The tokens themselves."""
        return np.asarray(tokens, np.uint8)

    def board(self, grid: np.ndarray, top: int = 0, left: int = 0) -> np.ndarray:
        """Tokens (L,) of a grid of colours with its first cell at (top, left)."""
        rows, columns = grid.shape
        if not 1 <= rows <= self.side - top or not 1 <= columns <= self.side - left:
            raise PuzzleError(
                f"a grid of {rows}x{columns} does not fit a board of side {self.side} "
                f"from row {top}, column {left} on; choose a larger side"
            )
        board = np.zeros((self.side + 1, self.side + 1), np.uint8)
        board[top : top + rows + 1, left : left + columns + 1] = EOS
        board[top + rows, left + columns] = PAD
        board[top : top + rows, left : left + columns] = grid + FIRST_COLOUR
        return board[: self.side, : self.side].reshape(-1)

    def grid(self, tokens_L: np.ndarray, top: int = 0, left: int = 0) -> np.ndarray:
        """Colours of the largest rectangle from (top, left) on that holds nothing but colours.

        What a model writes need not be a grid; this is what the public evaluation makes of it. Of
        equally large ones that with fewest rows counts; (0, 0) is the shape of none.
        """
        board = np.asarray(tokens_L).reshape(self.side, self.side)[top:, left:]
        blank_SS = board < FIRST_COLOUR
        widths_S = np.where(blank_SS.any(1), blank_SS.argmax(1), board.shape[1])
        widths_S = np.minimum.accumulate(widths_S)
        areas_S = widths_S * np.arange(1, len(widths_S) + 1)
        rows = int(areas_S.argmax()) + 1
        shape = (rows, int(widths_S[rows - 1])) if areas_S.any() else (0, 0)
        return board[: shape[0], : shape[1]] - np.uint8(FIRST_COLOUR)

    def corner(self, tokens_L: np.ndarray) -> tuple[int, int]:
        """Row and column of the first cell of the grid; (0, 0) if there is none."""
        coloured_SS = np.asarray(tokens_L).reshape(self.side, self.side) >= FIRST_COLOUR
        return int(coloured_SS.any(1).argmax()), int(coloured_SS.any(0).argmax())

    def solved(self, puzzles_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
        """(P,) bool: both are boards with one whole grid, beginning at the same cell.

        ARC has no written rules: whether a grid is the right one only the stored answer tells.
        """
        return np.array(
            [
                self._is_board(puzzle_L, self.corner(puzzle_L))
                and self._is_board(answer_L, self.corner(puzzle_L))
                for puzzle_L, answer_L in zip(puzzles_PL, answers_PL, strict=True)
            ],
            dtype=bool,
        )

    def broken(self, givens_L: np.ndarray, cells_L: np.ndarray) -> np.ndarray:
        """(L,) bool: cells below and right of the answer's grid that should be EOS and are not.

        Beyond them anything may stand: there labels are PAD, which is not scored.
        """
        top, left = self.corner(givens_L)
        grid = self.grid(cells_L, top, left)
        if not grid.size:
            return np.zeros(self.length, bool)
        return (self.board(grid, top, left) == EOS) & (np.asarray(cells_L) != EOS)

    def _is_board(self, tokens_L: np.ndarray, corner: tuple[int, int]) -> bool:
        grid = self.grid(tokens_L, *corner)
        return bool(grid.size and (self.board(grid, *corner) == tokens_L).all())


def arc_of(task: str) -> Arc:
    """The boards of a task: `arc_of("arc12x7")` is `Arc(12, 7)`."""
    side, _, variants = task.removeprefix("arc").partition("x")
    if not task.startswith("arc") or not (side + variants).isdecimal() or not side:
        raise PuzzleError(f'an ARC task is named as in "arc30" or "arc12x7", got {task!r}')
    return Arc(int(side), int(variants)) if variants else Arc(int(side))
