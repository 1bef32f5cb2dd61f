"""How a frame looks: where things are, in which colours and words.

It paints on anything that has the four methods of `Canvas`, and knows neither pixels nor pygame.
Lengths are in units of a picture that is 480 wide and 640 high.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles.sudoku import Sudoku

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
"""Left, top, width, height."""

WIDTH: Final = 480
HEIGHT: Final = 640
BOARD: Final[Box] = (24, 56, 432, 432)
CLOCK: Final[Box] = (120, 508, 264, 12)
HALT_BAR: Final[Box] = (120, 535, 264, 12)
CONTINUE_BAR: Final[Box] = (120, 562, 264, 12)
MOST_TICKS: Final = 64

PAPER: Final[Colour] = (250, 248, 244)
CELL: Final[Colour] = (255, 255, 255)
CHANGED: Final[Colour] = (252, 234, 184)
BROKEN: Final[Colour] = (250, 212, 205)  # the disc behind a digit that breaks a rule
RED: Final[Colour] = (190, 52, 44)  # that digit, and a wrong answer
GREEN: Final[Colour] = (62, 130, 92)
INK: Final[Colour] = (40, 44, 54)
FILLED: Final[Colour] = (58, 98, 158)
GREY: Final[Colour] = (120, 122, 130)
HAIRLINE: Final[Colour] = (214, 210, 202)
TRACK: Final[Colour] = (232, 228, 220)
HALT: Final[Colour] = (72, 146, 128)
CONTINUE: Final[Colour] = (112, 142, 190)
FORCED: Final[Colour] = (150, 124, 96)


class Canvas(Protocol):
    """What painting needs."""

    def fill(self, box: Box, colour: Colour) -> None:
        """Fill a rectangle."""

    def shape(self, name: str, box: Box, colour: Colour) -> None:
        """Put a "pill" (a disc in a square box), "tick", "check" or "cross" into the box."""

    def text(
        self,
        words: str,
        size: float,
        x: float,
        y: float,
        colour: Colour,
        *,
        bold: bool = True,
        anchor: str = "left",
    ) -> float:
        """Write, `x` the left, middle or right, `y` half-way up a capital; return the width."""
        ...

    def width_of(self, words: str, size: float) -> float:
        """Return how wide bold `text` would be."""
        ...


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint the whole frame on an empty canvas."""
    _paint_header(canvas, frame)
    _paint_board(canvas, frame)
    _paint_clock(canvas, frame)
    _paint_q(canvas, HALT_BAR, "Q halt", frame.q_halt, HALT)
    _paint_q(canvas, CONTINUE_BAR, "Q continue", frame.q_continue, CONTINUE)
    _paint_legend(canvas)


def cell_box(index: int, size: int) -> Box:
    """Where a cell lies in the picture."""
    left, top, width, height = BOARD
    row, column = divmod(index, size)
    return left + column * width / size, top + row * height / size, width / size, height / size


def _paint_header(canvas: Canvas, frame: Frame) -> None:
    """The title at the left; what was decided, and whether it was right, at the right."""
    right = BOARD[0] + BOARD[2]
    if frame.correct is not None:
        words, colour = _verdict(frame.decision, frame.correct)
        right -= canvas.text(words, 23, right, 32, colour, anchor="right") + 5
        canvas.shape("check" if frame.correct else "cross", (right - 13, 26, 13, 13), colour)
        right -= 13 + 10
    if frame.decision:
        words, colour = {
            "continue": ("CONTINUE", CONTINUE),
            "halt": ("HALT", HALT),
            "forced": ("FORCED HALT", FORCED),
        }[frame.decision]
        width = canvas.width_of(words, 20) + 20
        canvas.shape("pill", (right - width, 21, width, 23), colour)
        canvas.text(words, 20, right - width / 2, 32.5, CELL, anchor="middle")
        right -= width + 12
    title = "".join(c if c.isprintable() else " " for c in frame.title).strip()
    title = title or f"Sudoku {frame.size}\N{MULTIPLICATION SIGN}{frame.size}"
    canvas.text(_fitted(canvas, title, 26, right - BOARD[0]), 26, BOARD[0], 32, INK)


def _fitted(canvas: Canvas, words: str, size: float, room: float) -> str:
    """Cut words at their end until they fit."""
    if canvas.width_of(words, size) <= room:
        return words
    words = words[:80]  # of any longer ones even the i's would not fit
    while len(words) > 1 and canvas.width_of(words + "...", size) > room:
        words = words[:-1].rstrip()
    return words + "..."


def _verdict(decision: str, correct: bool) -> tuple[str, Colour]:
    if decision in ("halt", "forced"):
        return ("right", GREEN) if correct else ("wrong", RED)
    return ("already right", GREEN) if correct else ("not right yet", GREY)


def _paint_board(canvas: Canvas, frame: Frame) -> None:
    """Shades, then discs, then digits, then lines: each layer can be seen through the next."""
    canvas.fill(BOARD, CELL)
    digits_L, changed_L, broken_L = frame.shown(frame.cells_L), frame.changed(), frame.broken()
    for i in range(len(digits_L)):
        left, top, width, height = box = cell_box(i, frame.size)
        if changed_L[i]:
            canvas.fill(box, CHANGED)
        if broken_L[i]:
            inset = 0.1 * width
            disc = (left + inset, top + inset, width - 2 * inset, height - 2 * inset)
            canvas.shape("pill", disc, BROKEN)
        if digits_L[i]:
            given = bool(frame.givens_L[i])
            colour = RED if broken_L[i] else INK if given else FILLED
            x, y = left + width / 2, top + height / 2
            canvas.text(str(digits_L[i]), 0.98 * width, x, y, colour, bold=given, anchor="middle")
            if given and digits_L[i] != frame.givens_L[i]:  # overwritten: the given in the corner
                x, y = left + 0.08 * width, top + 0.18 * height
                canvas.text(str(frame.givens_L[i]), 0.42 * width, x, y, INK)
    _paint_lines(canvas, frame.rules)


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


def _paint_clock(canvas: Canvas, frame: Frame) -> None:
    """One tick per segment, filled up to the current one; a plain bar if there are very many."""
    slash = "/" if frame.max_segments > MOST_TICKS else " / "
    _paint_words(canvas, CLOCK, "Segment", f"{frame.segment}{slash}{frame.max_segments}")
    if frame.max_segments > MOST_TICKS:
        _paint_level(canvas, CLOCK, frame.segment / frame.max_segments, GREY)
        return
    left, top, width, height = CLOCK
    gap = min(3.0, width / frame.max_segments / 4)
    pitch = (width + gap) / frame.max_segments  # the last tick ends where the bars below end
    for m in range(1, frame.max_segments + 1):
        colour = TRACK if m > frame.segment else INK if m == frame.segment else GREY
        canvas.shape("tick", (left + (m - 1) * pitch, top, pitch - gap, height), colour)


def _paint_q(canvas: Canvas, box: Box, label: str, q: float, colour: Colour) -> None:
    """A bar for a probability; nan leaves it empty, with a dash for its value."""
    _paint_words(canvas, box, label, "\N{EN DASH}" if math.isnan(q) else f"{q:.2f}")
    _paint_level(canvas, box, q, colour)


def _paint_words(canvas: Canvas, box: Box, label: str, value: str) -> None:
    """The label at the left of a bar and the value at its right, flush with the board."""
    y = box[1] + box[3] / 2
    canvas.text(label, 22, BOARD[0], y, GREY, bold=False)
    right = BOARD[0] + BOARD[2]
    room = right - (box[0] + box[2]) - 6
    canvas.text(_fitted(canvas, value, 22, room), 22, right, y, INK, anchor="right")


def _paint_level(canvas: Canvas, box: Box, level: float, colour: Colour) -> None:
    left, top, width, height = box
    canvas.shape("pill", box, TRACK)
    if level > 0:
        canvas.shape("pill", (left, top, max(level * width, 2), height), colour)


def _paint_legend(canvas: Canvas) -> None:
    x, y = BOARD[0], 607.0
    x += canvas.text("7", 26, x, y, INK) + 6
    x += canvas.text("given", 20, x, y, GREY, bold=False) + 34
    x += canvas.text("7", 26, x, y, FILLED, bold=False) + 6
    x += canvas.text("filled in", 20, x, y, GREY, bold=False) + 34
    canvas.fill((x, y - 8, 16, 16), CHANGED)
    x += 16 + 6
    x += canvas.text("changed", 20, x, y, GREY, bold=False) + 34
    canvas.shape("pill", (x, y - 9, 18, 18), BROKEN)
    canvas.text("7", 20, x + 9, y, RED, bold=False, anchor="middle")
    canvas.text("breaks a rule", 20, x + 18 + 6, y, GREY, bold=False)
