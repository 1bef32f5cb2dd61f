"""Where things go, checked on a canvas that only writes down what it is told."""

from itertools import pairwise
from typing import Any

import boards
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.envs import picture
from hrm_rl.envs.boards import palette
from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles import task_of

NAN = float("nan")


class Notes:
    """A canvas on which every letter is half as wide as its font's size."""

    def __init__(self) -> None:
        self.boxes: list[tuple[str, palette.Box, palette.Colour]] = []
        self.words: dict[str, tuple[float, float]] = {}
        self.header: set[str] = set()

    def fill(self, box: palette.Box, colour: palette.Colour) -> None:
        self.shape("fill", box, colour)

    def shape(self, name: str, box: palette.Box, colour: palette.Colour) -> None:
        self.boxes.append((name, box, colour))

    def text(
        self,
        words: str,
        size: float,
        x: float,
        y: float,
        colour: palette.Colour,
        *,
        bold: bool = True,
        anchor: str = "left",
    ) -> float:
        width = self.width_of(words, size)
        left = x - {"left": 0, "middle": width / 2, "right": width}[anchor]
        self.words[words] = (left, left + width)
        self.header |= {words} if y < palette.BOARD[1] else set()
        return width

    def width_of(self, words: str, size: float) -> float:
        return len(words) * size / 2

    def inside(self, box: palette.Box, colour: palette.Colour) -> list[palette.Box]:
        """What was painted in that colour within the box."""
        left, top, width, _ = box
        return [
            b
            for _, b, c in self.boxes
            if c == colour and left <= b[0] and b[0] + b[2] <= left + width + 1e-9 and b[1] == top
        ]


def paint(**changes: Any) -> Notes:
    fields = {name: np.zeros(81, int) for name in ("givens_L", "cells_L")}
    notes = Notes()
    picture.paint(notes, boards.frame(**(fields | {"segment": 3, "max_segments": 16} | changes)))
    return notes


def test_the_clock_has_a_tick_per_segment_filled_up_to_now():
    notes = paint(segment=5, max_segments=16)
    ticks = [colour for name, _, colour in notes.boxes if name == "tick"]
    assert ticks == 4 * [palette.GREY] + [palette.INK] + 11 * [palette.TRACK]
    assert "5 / 16" in notes.words


@given(st.integers(1, palette.MOST_TICKS))
def test_ticks_part_the_clock_evenly_without_touching(max_segments):
    notes = paint(segment=1, max_segments=max_segments)
    ticks = [box for name, box, _ in notes.boxes if name == "tick"]
    left, _, width, _ = palette.CLOCK
    assert len(ticks) == max_segments
    assert ticks[0][0] == left
    assert ticks[-1][0] + ticks[-1][2] == pytest.approx(left + width)
    assert all(a[0] + a[2] < b[0] for a, b in pairwise(ticks))


def test_a_clock_of_very_many_segments_is_a_bar():
    notes = paint(segment=50, max_segments=200)
    assert [box[2] for box in notes.inside(palette.CLOCK, palette.GREY)] == [palette.CLOCK[2] / 4]
    assert "50/200" in notes.words


@pytest.mark.parametrize(
    ("q", "width", "value"),
    [(0.0, None, "0.00"), (0.25, 66, "0.25"), (1.0, 264, "1.00"), (NAN, None, "\N{EN DASH}")],
)
def test_the_bar_of_a_q_is_as_long_as_it_is_probable(q, width, value):
    notes = paint(q_halt=q, q_continue=0.5)
    bars = notes.inside(palette.HALT_BAR, palette.HALT)
    assert [bar[2] for bar in bars] == ([] if width is None else [width])
    assert value in notes.words
    assert [b[2] for b in notes.inside(palette.CONTINUE_BAR, palette.CONTINUE)] == [132]


@pytest.mark.parametrize(
    ("decision", "correct", "shown"),
    [
        ("", None, set()),
        ("", False, {"not right yet"}),
        ("continue", None, {"CONTINUE"}),
        ("continue", False, {"CONTINUE", "not right yet"}),
        ("continue", True, {"CONTINUE", "already right"}),
        ("halt", True, {"HALT", "right"}),
        ("halt", False, {"HALT", "wrong"}),
        ("forced", True, {"FORCED HALT", "right"}),
        ("forced", False, {"FORCED HALT", "wrong"}),
    ],
)
def test_the_header_says_what_was_decided_and_whether_it_was_right(decision, correct, shown):
    notes = paint(decision=decision, correct=correct)
    assert notes.header - paint().header == shown
    marks = {name for name, _, _ in notes.boxes} & {"check", "cross"}
    assert marks == (set() if correct is None else {"check"} if correct else {"cross"})


@given(st.text(max_size=200), st.sampled_from(["", "continue", "forced"]))
def test_no_title_runs_into_the_verdict_or_over_the_edge(title, decision):
    bare = paint(title="Sudoku", decision=decision, correct=True)
    notes = paint(title=title, decision=decision, correct=True)
    new = set(notes.words) - set(bare.words)
    assert len(new) <= 1
    chips = [box[0] for name, box, _ in notes.boxes if name == "pill" and box[1] < palette.BOARD[1]]
    verdict = notes.words["right" if decision == "forced" else "already right"]
    for words in new:
        assert words.isprintable() and words.strip()
        assert notes.words[words][1] < min([*chips, verdict[0]])


@pytest.mark.parametrize(
    ("task", "title"),
    [("life8", "Life 8x8"), ("parity6", "Parity 2x3"), ("queens6", "Queens 6x6")],
)
def test_titles_name_the_board_alone(task: str, title: str) -> None:
    """Not the row of Life's marks below it; every kind in one style."""
    nothing_L = np.zeros(task_of(task).length, int)
    frame = Frame(
        givens_L=nothing_L, cells_L=nothing_L, previous_L=None, segment=1, max_segments=4,
        q_halt=0.5, q_continue=0.5, decision="", correct=None, task=task,
    )  # fmt: skip
    notes = Notes()
    picture.paint(notes, frame)
    assert title.replace("x", "\N{MULTIPLICATION SIGN}") in notes.words


def test_a_picture_without_a_title_says_which_sudoku_it_is():
    assert "Sudoku 9\N{MULTIPLICATION SIGN}9" in paint().words
    assert "Sudoku 9\N{MULTIPLICATION SIGN}9" in paint(title=" \n\0").words


@pytest.mark.parametrize(("size", "rows", "columns"), [(4, 2, 2), (6, 2, 3), (9, 3, 3)])
def test_box_lines_are_thick_and_cell_lines_thin(size, rows, columns):
    zeros_L = np.zeros(size * size, int)
    notes = paint(givens_L=zeros_L, cells_L=zeros_L)
    thick = [box for name, box, c in notes.boxes if name == "fill" and c == palette.INK]
    thin = [box for name, box, c in notes.boxes if name == "fill" and c == palette.HAIRLINE]
    lying = [box for box in thick if box[2] > box[3]]
    assert (len(lying), len(thick) - len(lying)) == (size // rows + 1, size // columns + 1)
    assert len(thick) + len(thin) == 2 * (size + 1)
    assert min(min(box[2:]) for box in thick) > max(min(box[2:]) for box in thin)
