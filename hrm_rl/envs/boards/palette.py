"""What all boards are drawn with: the canvas, places and colours.

Lengths are in units of a picture that is 480 wide and 640 high.
"""

from __future__ import annotations

from typing import Final, Protocol

from hrm_rl.puzzles import Task

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


def cell_box(index: int, task: Task) -> Box:
    """Where a cell lies in the picture: cells are square, the board in the middle."""
    left, top, width, height = BOARD
    side = min(width / task.columns, height / task.rows)
    left, top = left + (width - side * task.columns) / 2, top + (height - side * task.rows) / 2
    row, column = divmod(index, task.columns)
    return left + column * side, top + row * side, side, side
