"""A Sudoku: givens bold, what is filled in blue, changes shaded, broken rules in red.

Once the episode is over, what is wrong without breaking a rule has a red ring."""

from __future__ import annotations

from typing import Final

from hrm_rl.envs.boards.cells import inset, ring
from hrm_rl.envs.boards.palette import (
    BOARD,
    BROKEN,
    CELL,
    CHANGED,
    FILLED,
    GREY,
    HAIRLINE,
    INK,
    PAPER,
    RED,
    Canvas,
    cell_box,
)
from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles.sudoku.rules import Sudoku

NAME: Final = "Sudoku"


def paint(canvas: Canvas, frame: Frame) -> None:
    """Shades, then discs, then digits, then lines: each layer can be seen through the next."""
    rules = Sudoku(frame.rules.rows)
    canvas.fill(BOARD, CELL)
    digits_L, changed_L, broken_L = frame.shown(frame.cells_L), frame.changed(), frame.broken()
    ringed_L = frame.wrong() & ~broken_L
    for i in range(len(digits_L)):
        left, top, width, height = box = cell_box(i, rules)
        if changed_L[i]:
            canvas.fill(box, CHANGED)
        if broken_L[i]:
            canvas.shape("pill", inset(box, 0.1), BROKEN)
        if ringed_L[i]:
            ring(canvas, box, 0.03, CHANGED if changed_L[i] else CELL)
        if digits_L[i]:
            given = bool(frame.givens_L[i])
            colour = RED if broken_L[i] or ringed_L[i] else INK if given else FILLED
            x, y = left + width / 2, top + height / 2
            canvas.text(str(digits_L[i]), 0.98 * width, x, y, colour, bold=given, anchor="middle")
            if given and digits_L[i] != frame.givens_L[i]:  # overwritten: the given in the corner
                x, y = left + 0.08 * width, top + 0.18 * height
                canvas.text(str(frame.givens_L[i]), 0.42 * width, x, y, INK)
    _paint_lines(canvas, rules)


def _paint_lines(canvas: Canvas, rules: Sudoku) -> None:
    left, top, width, height = BOARD
    for thick in (False, True):  # the thick ones last, on top
        colour, weight = (INK, 2.0) if thick else (HAIRLINE, 1.0)
        for i in range(rules.size + 1):
            shift = i * width / rules.size - weight / 2
            if (i % rules.box_rows == 0) == thick:
                canvas.fill((left - 1, top + shift, width + 2, weight), colour)
            if (i % rules.box_cols == 0) == thick:
                canvas.fill((left + shift, top - 1, weight, height + 2), colour)


def legend(canvas: Canvas) -> None:
    x, y, gap = BOARD[0], 607.0, 12
    x += canvas.text("7", 26, x, y, INK) + 6
    x += canvas.text("given", 20, x, y, GREY, bold=False) + gap
    x += canvas.text("7", 26, x, y, FILLED, bold=False) + 6
    x += canvas.text("filled in", 20, x, y, GREY, bold=False) + gap
    canvas.fill((x, y - 8, 16, 16), CHANGED)
    x += 16 + 6
    x += canvas.text("changed", 20, x, y, GREY, bold=False) + gap
    canvas.shape("pill", (x, y - 9, 18, 18), BROKEN)
    canvas.text("7", 20, x + 9, y, RED, bold=False, anchor="middle")
    x += 18 + 6
    x += canvas.text("breaks a rule", 20, x, y, GREY, bold=False) + gap
    ring(canvas, (x - 2, y - 11, 22, 22), 0.06, PAPER)
    canvas.text("wrong", 20, x + 18 + 6, y, GREY, bold=False)
