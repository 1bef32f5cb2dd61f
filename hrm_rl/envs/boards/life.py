"""Life: living cells in blue, below them a mark for each generation that is left."""

from __future__ import annotations

from typing import Final

from hrm_rl.envs.boards import cells
from hrm_rl.envs.boards.palette import FILLED, HAIRLINE, INK, RED, Canvas, cell_box
from hrm_rl.envs.frame import Frame

NAME: Final = "Life"

ALIVE, MARK = 1, 2


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint the board, and the row of marks set apart by a line."""
    cells.paint(canvas, frame, _cell)
    side = frame.rules.columns
    left, top, width, _ = cell_box(side * side, frame.rules)
    canvas.fill((left, top - 1.5, width * side, 3.0), INK)


def _cell(canvas: Canvas, cell: cells.Cell) -> None:
    if cell.value == ALIVE:
        canvas.fill(cells.inset(cell.box, 0.14), RED if cell.broken else FILLED)
    elif MARK in (cell.value, cell.given):
        struck = cell.value != MARK
        colour = HAIRLINE if struck else RED if cell.broken else INK
        canvas.shape("pill", cells.inset(cell.box, 0.36), colour)


def _alive_sign(canvas: Canvas, x: float, y: float) -> float:
    canvas.fill((x, y - 8, 16, 16), FILLED)
    return 16


def _mark_sign(canvas: Canvas, x: float, y: float) -> float:
    canvas.shape("pill", (x, y - 6, 12, 12), INK)
    return 12


def legend(canvas: Canvas) -> None:
    cells.legend(canvas, (_alive_sign, "alive"), (_mark_sign, "generation to go"))
