"""ARC: above, the pairs that show the rule; below, the question and what is answered, in ARC's colours.

Cells that changed since the last segment have a pale rim. Red discs beside the answer are where it
should end and does not.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hrm_rl.envs.boards import cells
from hrm_rl.envs.boards.palette import BOARD, BROKEN, CHANGED, GREY, HAIRLINE, Box, Canvas, Colour
from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles.arc.rules import arc_of

NAME: Final = "ARC"
COLOURS: Final[tuple[Colour, ...]] = (
    (0, 0, 0),
    (0, 116, 217),
    (255, 65, 54),
    (46, 204, 64),
    (255, 220, 0),
    (170, 170, 170),
    (240, 18, 190),
    (255, 133, 27),
    (127, 219, 255),
    (135, 12, 37),
)
"""As the public ARC viewers paint them."""
MOST_SHOWN: Final = 6
SHOWN_HEIGHT: Final = 84.0
LARGE: Final = 198.0
GAP: Final = 10.0


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint what was shown in columns, and below it the question and the answer."""
    board = arc_of(frame.task)
    left, top, width, height = BOARD
    shown = [
        [board.grid(values_L) for values_L in pair] for pair in frame.demonstrations[:MOST_SHOWN]
    ]
    for i, pair in enumerate(shown):
        _paint_pair(canvas, pair, (left + i * width / len(shown), top, width / len(shown), 0.0))
    corner = board.corner(frame.givens_L)
    question, answer = (board.grid(v, *corner) for v in (frame.givens_L, frame.cells_L))
    missing_L = board.broken(frame.givens_L, frame.cells_L)
    large = [question, answer, *(grid for pair in shown for grid in pair)]
    most = max(max(grid.shape) for grid in large) + bool(missing_L.any())
    y = top + height - LARGE if shown else top + (height - LARGE) / 2
    _paint_grid(canvas, question, (left, y, LARGE, LARGE), most)
    _arrow_right(canvas, left + width / 2, y + LARGE / 2)
    box = (left + width - LARGE, y, LARGE, LARGE)
    if not answer.size:
        canvas.text("no grid", 26, box[0] + LARGE / 2, y + LARGE / 2, GREY, anchor="middle")
        return
    changed = np.zeros(answer.shape, bool)
    if frame.previous_L is not None:
        changed = ~_same(answer, board.grid(frame.previous_L, *corner))
    _paint_grid(canvas, answer, box, most, changed)
    first_x, first_y, cell = _placed(answer, box, most)
    for index in np.flatnonzero(missing_L):
        row, column = (int(n) - m for n, m in zip(divmod(index, board.side), corner, strict=True))
        disc = cells.inset((first_x + column * cell, first_y + row * cell, cell, cell), 0.2)
        canvas.shape("pill", disc, BROKEN)


def _paint_pair(canvas: Canvas, pair: list[np.ndarray], column: Box) -> None:
    """A question with its answer below it, to one scale."""
    left, top, width, _ = column
    side = min(SHOWN_HEIGHT, width - GAP)
    most = max(max(grid.shape) for grid in pair)
    middle = left + (width - side) / 2
    for i, grid in enumerate(pair):
        _paint_grid(canvas, grid, (middle, top + i * (SHOWN_HEIGHT + 2 * GAP), side, side), most)
    _arrow_down(canvas, left + width / 2, top + SHOWN_HEIGHT + GAP)


def _same(grid: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Cells of the grid that the one before had in the same colour."""
    rows, columns = np.minimum(grid.shape, before.shape)
    same = np.zeros(grid.shape, bool)
    same[:rows, :columns] = grid[:rows, :columns] == before[:rows, :columns]
    return same


def _placed(grid: np.ndarray, box: Box, most: int) -> tuple[float, float, float]:
    """Left, top and size of a cell of a grid in the middle of a box that has room for `most`."""
    left, top, width, height = box
    cell = min(width, height) / most
    rows, columns = grid.shape
    return left + (width - columns * cell) / 2, top + (height - rows * cell) / 2, cell


def _paint_grid(
    canvas: Canvas, grid: np.ndarray, box: Box, most: int, changed: np.ndarray | None = None
) -> None:
    left, top, cell = _placed(grid, box, most)
    line = min(1.0, 0.08 * cell)
    rows, columns = grid.shape
    canvas.fill((left, top, columns * cell + line, rows * cell + line), GREY)
    for (row, column), colour in np.ndenumerate(grid):
        square = (left + column * cell + line, top + row * cell + line, cell - line, cell - line)
        if changed is not None and changed[row, column]:
            canvas.fill(square, CHANGED)
            square = cells.inset(square, 0.14)
        canvas.fill(square, COLOURS[colour])


def _arrow_right(canvas: Canvas, x: float, y: float) -> None:
    for i in range(8):
        canvas.fill((x - 4 + i, y - 8 + i, 1.5, 2 * (8 - i)), HAIRLINE)


def _arrow_down(canvas: Canvas, x: float, y: float) -> None:
    for i in range(6):
        canvas.fill((x - 6 + i, y - 3 + i, 2 * (6 - i), 1.5), HAIRLINE)


def legend(canvas: Canvas) -> None:
    """What is marked; the colours are what they are."""
    x, y = BOARD[0], 607.0
    x += canvas.text("question, then answer", 20, x, y, GREY, bold=False) + 30
    canvas.fill((x, y - 8, 16, 16), CHANGED)
    canvas.fill((x + 3, y - 5, 10, 10), COLOURS[1])
    x += canvas.text("changed", 20, x + 22, y, GREY, bold=False) + 22 + 30
    canvas.shape("pill", (x, y - 9, 18, 18), BROKEN)
    canvas.text("should end", 20, x + 24, y, GREY, bold=False)
