"""A board of cells, as parity, Life and queens have it: shades, what is broken, what stands there, lines.

Here a cell without a value is an answer like any other, and not one that is missing yet: what is
predicted is drawn as it is, without the givens in its place.

Shapes: L cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hrm_rl.envs.boards.palette import (
    BOARD,
    BROKEN,
    CELL,
    CHANGED,
    GREY,
    HAIRLINE,
    RED,
    Box,
    Canvas,
    Colour,
    cell_box,
)
from hrm_rl.envs.frame import Frame


class Cell(NamedTuple):
    """One cell to be drawn."""

    box: Box
    at: int
    value: int
    given: int
    """What the puzzle has there."""
    broken: bool


def paint(
    canvas: Canvas,
    frame: Frame,
    stand: Callable[[Canvas, Cell], None],
    ground: Callable[[Canvas, Cell], None] | None = None,
) -> None:
    """Shades, then discs, then what stands in the cells, then lines.

    Args:
        stand: draws what stands in a cell.
        ground: draws the bottom of a cell that did not change.
    """
    canvas.fill(_all_cells(frame), CELL)
    changed_L = changed(frame)
    broken_L = frame.rules.broken(frame.givens_L, frame.cells_L)
    for i, value in enumerate(frame.cells_L.tolist()):
        cell = Cell(cell_box(i, frame.rules), i, value, int(frame.givens_L[i]), bool(broken_L[i]))
        if changed_L[i]:
            canvas.fill(cell.box, CHANGED)
        elif ground is not None:
            ground(canvas, cell)
        if cell.broken:
            canvas.shape("pill", inset(cell.box, 0.08), BROKEN)
        stand(canvas, cell)
    _paint_lines(canvas, frame)


def changed(frame: Frame) -> np.ndarray:
    """bool[L]: cells predicted otherwise than one segment ago."""
    if frame.previous_L is None:
        return np.zeros(len(frame.cells_L), bool)
    return frame.cells_L != frame.previous_L


def inset(box: Box, share: float) -> Box:
    """A box within the box, smaller on each side by a share of its width."""
    left, top, width, height = box
    shift = share * width
    return left + shift, top + shift, width - 2 * shift, height - 2 * shift


def ring(canvas: Canvas, box: Box, share: float, ground: Colour) -> None:
    """As large as the disc of a broken rule, and as thick as that share of the box."""
    canvas.shape("pill", inset(box, 0.1), RED)
    canvas.shape("pill", inset(box, 0.1 + share), ground)


def _all_cells(frame: Frame) -> Box:
    left, top, side, _ = cell_box(0, frame.rules)
    return left, top, side * frame.rules.columns, side * frame.rules.rows


def _paint_lines(canvas: Canvas, frame: Frame) -> None:
    left, top, width, height = _all_cells(frame)
    rows, columns = frame.rules.rows, frame.rules.columns
    for i in range(rows + 1):
        canvas.fill((left, top + i * height / rows - 0.5, width, 1.0), HAIRLINE)
    for i in range(columns + 1):
        canvas.fill((left + i * width / columns - 0.5, top, 1.0, height), HAIRLINE)


Sign = Callable[[Canvas, float, float], float]
"""Draws a sign at x, y (its middle) and returns its width."""


def legend(canvas: Canvas, *signs: tuple[Sign, str], broken: str = "wrong") -> None:
    """Signs with their words, then what changed and what is broken, over the width of the board."""
    entries = [*signs, (_changed_sign, "changed"), (_broken_sign, broken)]
    x, y = BOARD[0], 607.0
    widths = [20 + 6 + canvas.width_of(words, 20) for _, words in entries]
    gap = min(30.0, (BOARD[2] - sum(widths)) / max(len(entries) - 1, 1))
    for sign, words in entries:
        x += sign(canvas, x, y) + 6
        x += canvas.text(words, 20, x, y, GREY, bold=False) + gap


def letter(words: str, colour: Colour, *, bold: bool = True) -> Sign:
    """A letter as a sign."""

    def draw(canvas: Canvas, x: float, y: float) -> float:
        return canvas.text(words, 26, x, y, colour, bold=bold)

    return draw


def _changed_sign(canvas: Canvas, x: float, y: float) -> float:
    canvas.fill((x, y - 8, 16, 16), CHANGED)
    return 16


def _broken_sign(canvas: Canvas, x: float, y: float) -> float:
    canvas.shape("pill", (x, y - 9, 18, 18), BROKEN)
    return 18
