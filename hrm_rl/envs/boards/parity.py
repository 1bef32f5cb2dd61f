"""Parity: the bits that are left, the last of them in blue, those folded into it grey and small."""

from __future__ import annotations

from typing import Final

import numpy as np

from hrm_rl.envs.boards import cells
from hrm_rl.envs.boards.palette import FILLED, GREY, INK, RED, Canvas
from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles.toys.parity.rules import Parity

NAME: Final = "Parity"


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint the vector row by row."""
    left, before = np.count_nonzero(frame.cells_L), np.count_nonzero(frame.givens_L)
    folded = left - 1 if left < before else -1  # where the parity of the rest stands

    def bit(canvas: Canvas, cell: cells.Cell) -> None:
        value, computed = cell.value or cell.given, cell.at == folded
        if not value:
            return
        x, y, width = cell.box[0] + cell.box[2] / 2, cell.box[1] + cell.box[3] / 2, cell.box[2]
        colour = RED if cell.broken else FILLED if computed else INK if cell.value else GREY
        words, bold = Parity.letters[value], bool(cell.value) and not computed
        size = 0.8 if cell.value else 0.45
        canvas.text(words, size * width, x, y, colour, bold=bold, anchor="middle")

    cells.paint(canvas, frame, bit)


def legend(canvas: Canvas) -> None:
    cells.legend(
        canvas,
        (cells.letter("1", INK), "left"),
        (cells.letter("1", FILLED, bold=False), "parity so far"),
        (cells.letter("1", GREY, bold=False), "folded in"),
    )
