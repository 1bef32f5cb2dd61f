"""ARC: above, the pairs that show the rule; below, the question and what is answered, in ARC's colours.

Cells that changed since the last segment have a pale rim. Red discs beside the answer are where it
should end and does not. Once the episode is over and the answer is wrong, cells that are not as in the
stored one have a red ring, those that it lacks too.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hrm_rl.envs.boards import cells
from hrm_rl.envs.boards.palette import (
    BOARD,
    BROKEN,
    CELL,
    CHANGED,
    GREY,
    HAIRLINE,
    PAPER,
    Box,
    Canvas,
    Colour,
)
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
    stored = answer if frame.missed_L is None else board.grid(frame.missed_L, *corner)
    wrong = _differ(answer, stored)
    large = [question, wrong, *(grid for pair in shown for grid in pair)]
    most = max(max(grid.shape) for grid in large) + bool(missing_L.any())
    y = top + height - LARGE if shown else top + (height - LARGE) / 2
    _paint_grid(canvas, question, _placed(question.shape, (left, y, LARGE, LARGE), most))
    _arrow_right(canvas, left + width / 2, y + LARGE / 2)
    box = (left + width - LARGE, y, LARGE, LARGE)
    if not answer.size:
        canvas.text("no grid", 26, box[0] + LARGE / 2, y + LARGE / 2, GREY, anchor="middle")
        return
    changed = np.zeros(answer.shape, bool)
    if frame.previous_L is not None:
        changed = _differ(answer, board.grid(frame.previous_L, *corner))
    place = _placed(wrong.shape, box, most)
    _paint_grid(canvas, answer, place, changed)
    ends = [
        (int(row) - corner[0], int(column) - corner[1])
        for row, column in np.argwhere(missing_L.reshape(board.side, board.side))
    ]
    for row, column in ends:
        canvas.shape("pill", cells.inset(_cell(place, row, column), 0.2), BROKEN)
    for row, column in np.argwhere(wrong).tolist():
        if (row, column) not in ends:
            inside = row < answer.shape[0] and column < answer.shape[1]
            ground = COLOURS[answer[row, column]] if inside else PAPER
            _paint_ring(canvas, _cell(place, row, column), ground)


def _paint_pair(canvas: Canvas, pair: list[np.ndarray], column: Box) -> None:
    """A question with its answer below it, to one scale."""
    left, top, width, _ = column
    side = min(SHOWN_HEIGHT, width - GAP)
    most = max(max(grid.shape) for grid in pair)
    middle = left + (width - side) / 2
    for i, grid in enumerate(pair):
        box = (middle, top + i * (SHOWN_HEIGHT + 2 * GAP), side, side)
        _paint_grid(canvas, grid, _placed(grid.shape, box, most))
    _arrow_down(canvas, left + width / 2, top + SHOWN_HEIGHT + GAP)


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cells of either grid that the other does not have in the same colour."""
    shape = np.maximum(one.shape, other.shape)
    both = np.full((2, *shape), -1)
    for whole, grid in zip(both, (one, other), strict=True):
        whole[: grid.shape[0], : grid.shape[1]] = grid
    return np.asarray(both[0] != both[1])


Place = tuple[float, float, float]
"""Left, top and size of the first cell of a grid."""


def _placed(shape: tuple[int, ...], box: Box, most: int) -> Place:
    """Where a grid of a shape begins in the middle of a box that has room for `most` cells a side."""
    left, top, width, height = box
    cell = min(width, height) / most
    rows, columns = shape
    return left + (width - columns * cell) / 2, top + (height - rows * cell) / 2, cell


def _cell(place: Place, row: int, column: int) -> Box:
    left, top, cell = place
    return left + column * cell, top + row * cell, cell, cell


def _paint_grid(
    canvas: Canvas, grid: np.ndarray, place: Place, changed: np.ndarray | None = None
) -> None:
    left, top, cell = place
    line = min(1.0, 0.08 * cell)
    rows, columns = grid.shape
    canvas.fill((left, top, columns * cell + line, rows * cell + line), GREY)
    for (row, column), colour in np.ndenumerate(grid):
        square = (left + column * cell + line, top + row * cell + line, cell - line, cell - line)
        if changed is not None and changed[row, column]:
            canvas.fill(square, CHANGED)
            square = cells.inset(square, 0.14)
        canvas.fill(square, COLOURS[colour])


def _paint_ring(canvas: Canvas, box: Box, ground: Colour) -> None:
    """Red in white, which is seen on all colours."""
    canvas.shape("pill", cells.inset(box, 0.14), CELL)
    cells.ring(canvas, cells.inset(box, 0.1), 0.12, CELL)
    canvas.shape("pill", cells.inset(box, 0.3), ground)


def _arrow_right(canvas: Canvas, x: float, y: float) -> None:
    for i in range(8):
        canvas.fill((x - 4 + i, y - 8 + i, 1.5, 2 * (8 - i)), HAIRLINE)


def _arrow_down(canvas: Canvas, x: float, y: float) -> None:
    for i in range(6):
        canvas.fill((x - 6 + i, y - 3 + i, 2 * (6 - i), 1.5), HAIRLINE)


def legend(canvas: Canvas) -> None:
    """What is marked; the colours are what they are."""
    x, y, gap = BOARD[0], 607.0, 16
    x += canvas.text("question, answer", 20, x, y, GREY, bold=False) + gap
    canvas.fill((x, y - 8, 16, 16), CHANGED)
    canvas.fill((x + 3, y - 5, 10, 10), COLOURS[1])
    x += canvas.text("changed", 20, x + 22, y, GREY, bold=False) + 22 + gap
    canvas.shape("pill", (x, y - 9, 18, 18), BROKEN)
    x += canvas.text("should end", 20, x + 24, y, GREY, bold=False) + 24 + gap
    cells.ring(canvas, (x - 2, y - 11, 22, 22), 0.06, PAPER)
    canvas.text("wrong", 20, x + 18 + 6, y, GREY, bold=False)
