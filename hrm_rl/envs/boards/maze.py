"""A maze: walls, start and goal as they are given, the predicted path over them in blue.

Whatever the prediction, the maze stays in sight: what it makes of a cell that is not its to change
is drawn on top, in red, as are the loose ends and forks of the path. Once the episode is over and the
answer is wrong, other cells that are not as in the stored one have a red ring.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hrm_rl.envs.boards.cells import ring
from hrm_rl.envs.boards.palette import (
    BOARD,
    BROKEN,
    CELL,
    CHANGED,
    FILLED,
    GREEN,
    GREY,
    HAIRLINE,
    INK,
    PAPER,
    RED,
    Box,
    Canvas,
    Colour,
    cell_box,
)
from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles import Task
from hrm_rl.puzzles.maze.rules import FREE, GOAL, PATH, START, WALL

NAME: Final = "Maze"
STONE: Final[Colour] = (78, 82, 94)  # a wall
THICKNESS: Final = 0.34  # of the path, in cells
ENDS: Final = {START: ("S", INK), GOAL: ("G", GREEN)}


def paint(canvas: Canvas, frame: Frame) -> None:
    """Shades, then the maze, then the path, then start and goal."""
    canvas.fill(BOARD, CELL)
    shown_L, changed_L, broken_L = frame.shown(frame.cells_L), frame.changed(), frame.broken()
    ringed_L = frame.wrong() & ~broken_L
    for i, given in enumerate(frame.givens_L):
        box = cell_box(i, frame.rules)
        if changed_L[i]:
            canvas.fill(box, CHANGED)
        if given == WALL:
            canvas.fill(_inside(box, 0.12 if changed_L[i] else 0.0), STONE)
        if broken_L[i]:
            canvas.shape("pill", _inside(box, 0.1), BROKEN)
        if ringed_L[i]:
            ring(canvas, box, 0.05, CHANGED if changed_L[i] else CELL)
    _paint_lines(canvas, frame.rules)
    for cell in np.flatnonzero(shown_L == PATH).tolist():
        _paint_path(canvas, frame.rules, shown_L, cell, RED if broken_L[cell] else FILLED)
    for i, given in enumerate(frame.givens_L):
        _paint_cell(canvas, cell_box(i, frame.rules), given, shown_L[i], broken_L[i])


def _paint_lines(canvas: Canvas, rules: Task) -> None:
    left, top, width, height = BOARD
    for i in (*range(1, rules.rows), 0, rules.rows):  # the frame last, on top
        colour, weight = (HAIRLINE, 1.0) if 0 < i < rules.rows else (STONE, 2.0)
        shift = i * width / rules.rows - weight / 2
        canvas.fill((left - 1, top + shift, width + 2, weight), colour)
        canvas.fill((left + shift, top - 1, weight, height + 2), colour)


def _paint_path(canvas: Canvas, rules: Task, shown_L: np.ndarray, i: int, colour: Colour) -> None:
    """The middle of a cell, and an arm to each neighbour that the path goes on to."""
    left, top, side, _ = cell_box(i, rules)
    row, column = divmod(i, rules.columns)
    margin = (1 - THICKNESS) / 2 * side
    canvas.fill(_inside(cell_box(i, rules), (1 - THICKNESS) / 2), colour)
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        near = row + down, column + right
        if not (0 <= near[0] < rules.rows and 0 <= near[1] < rules.columns):
            continue
        if shown_L[near[0] * rules.columns + near[1]] in (PATH, START, GOAL):
            x = left + (0 if right < 0 else side - margin if right > 0 else margin)
            y = top + (0 if down < 0 else side - margin if down > 0 else margin)
            width = margin if right else THICKNESS * side
            canvas.fill((x, y, width, margin if down else THICKNESS * side), colour)


def _paint_cell(canvas: Canvas, box: Box, given: int, shown: int, broken: bool) -> None:
    """Start and goal of the maze; in red what is predicted in their place, and other changes."""
    left, top, side, _ = box
    if given in ENDS:
        letter, colour = ENDS[given]
        canvas.shape("pill", _inside(box, 0.08), RED if broken else colour)
        canvas.text(letter, 0.8 * side, left + side / 2, top + side / 2, CELL, anchor="middle")
    elif shown in ENDS:
        letter, _ = ENDS[shown]
        canvas.text(letter, 0.8 * side, left + side / 2, top + side / 2, RED, anchor="middle")
    elif shown == WALL and given == FREE:
        canvas.fill(_inside(box, 0.3), STONE)


def _inside(box: Box, share: float) -> Box:
    """A box with that share of its side taken off on each side."""
    left, top, width, height = box
    return (
        left + share * width,
        top + share * height,
        (1 - 2 * share) * width,
        (1 - 2 * share) * height,
    )


def legend(canvas: Canvas) -> None:
    """Say below what the colours mean."""
    x, y, gap = BOARD[0], 607.0, 12
    canvas.fill((x, y - 8, 16, 16), STONE)
    x += 16 + 6
    x += canvas.text("wall", 20, x, y, GREY, bold=False) + gap
    canvas.fill((x, y - 3, 22, 6), FILLED)
    x += 22 + 6
    x += canvas.text("path", 20, x, y, GREY, bold=False) + gap
    canvas.fill((x, y - 8, 16, 16), CHANGED)
    x += 16 + 6
    x += canvas.text("changed", 20, x, y, GREY, bold=False) + gap
    canvas.shape("pill", (x, y - 9, 18, 18), BROKEN)
    canvas.fill((x + 6, y - 3, 6, 6), RED)
    x += 18 + 6
    x += canvas.text("breaks a rule", 20, x, y, GREY, bold=False) + gap
    ring(canvas, (x - 2, y - 11, 22, 22), 0.06, PAPER)
    canvas.text("wrong", 20, x + 18 + 6, y, GREY, bold=False)
