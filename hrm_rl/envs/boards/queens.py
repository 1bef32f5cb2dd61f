"""Queens on a chess board: those that stood dark, the others blue, attacked ones red."""

from __future__ import annotations

from typing import Final

from hrm_rl.envs.boards import cells
from hrm_rl.envs.boards.palette import FILLED, HAIRLINE, INK, RED, TRACK, Box, Canvas, Colour
from hrm_rl.envs.frame import Frame

NAME: Final = "Queens"


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint the board and its queens; where one was taken away she is left faint."""
    columns = frame.rules.columns

    def dark(canvas: Canvas, cell: cells.Cell) -> None:
        if sum(divmod(cell.at, columns)) % 2:
            canvas.fill(cell.box, TRACK)

    cells.paint(canvas, frame, _queen, ground=dark)


def _queen(canvas: Canvas, cell: cells.Cell) -> None:
    if cell.value:
        crown(canvas, cell.box, RED if cell.broken else INK if cell.given else FILLED)
    elif cell.given:
        crown(canvas, cell.box, HAIRLINE)


def crown(canvas: Canvas, box: Box, colour: Colour) -> None:
    """A crown of three points, each with a ball, over a band and a base."""
    left, top, side, _ = box

    def part(x: float, y: float, width: float, height: float) -> Box:
        return left + x * side, top + y * side, width * side, height * side

    for x in (0.22, 0.435, 0.65):
        canvas.shape("pill", part(x - 0.015, 0.22, 0.16, 0.16), colour)
        canvas.fill(part(x + 0.02, 0.34, 0.09, 0.25), colour)
    canvas.fill(part(0.24, 0.54, 0.52, 0.14), colour)
    canvas.fill(part(0.2, 0.73, 0.6, 0.08), colour)


def _given_sign(canvas: Canvas, x: float, y: float) -> float:
    crown(canvas, (x, y - 12, 24, 24), INK)
    return 24


def _placed_sign(canvas: Canvas, x: float, y: float) -> float:
    crown(canvas, (x, y - 12, 24, 24), FILLED)
    return 24


def legend(canvas: Canvas) -> None:
    cells.legend(canvas, (_given_sign, "given"), (_placed_sign, "placed"), broken="breaks a rule")
