"""How a frame looks: where things are, in which colours and words.

It paints on anything that has the four methods of `Canvas`, and knows neither pixels nor pygame. The
board itself, which is another one for every kind of puzzle, is in `boards`.
"""

from __future__ import annotations

import math

from hrm_rl.envs.boards import board
from hrm_rl.envs.boards.palette import (
    BOARD,
    CELL,
    CLOCK,
    CONTINUE,
    CONTINUE_BAR,
    FORCED,
    GREEN,
    GREY,
    HALT,
    HALT_BAR,
    INK,
    MOST_TICKS,
    RED,
    TRACK,
    Box,
    Canvas,
    Colour,
)
from hrm_rl.envs.frame import Frame


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint the whole frame on an empty canvas."""
    drawn = board(frame.rules.kind)
    _paint_header(canvas, frame)
    drawn.paint(canvas, frame)
    _paint_clock(canvas, frame)
    _paint_q(canvas, HALT_BAR, "Q halt", frame.q_halt, HALT)
    _paint_q(canvas, CONTINUE_BAR, "Q continue", frame.q_continue, CONTINUE)
    drawn.legend(canvas)


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
            "restart": ("RESTART", FORCED),
        }[frame.decision]
        width = canvas.width_of(words, 20) + 20
        canvas.shape("pill", (right - width, 21, width, 23), colour)
        canvas.text(words, 20, right - width / 2, 32.5, CELL, anchor="middle")
        right -= width + 12
    title = "".join(c if c.isprintable() else " " for c in frame.title).strip()
    rules = frame.rules
    rows = min(
        rules.rows, rules.columns
    )  # Life's marks and shown boards come in rows below the board
    title = title or f"{board(rules.kind).NAME} {rows}\N{MULTIPLICATION SIGN}{rules.columns}"
    if frame.restarts:
        title = f"Copy {frame.copy + 1} of {frame.restarts + 1}"
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
