"""Boards of parity, Life and queens, judged by their pixels."""

import boards
import numpy as np
import pytest
from boards import seen

from hrm_rl.envs.boards import palette
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import draw
from hrm_rl.puzzles.kinds import task_of

GIVEN = {
    "parity9": "01101....",
    "life5": ".O... ..O.. OOO.. ..... ..... +++..",
    "queens4": ".Q.. .... .... ....",
}
ANSWER = {
    "parity9": "1........",
    "life5": "..... ..O.. O.O.. .OO.. ..... .....",  # not the answer: to be seen as wrong
    "queens4": ".Q.. ...Q Q... ..Q.",
}


def frame(task: str, cells: str, previous: str | None = None) -> Frame:
    rules = task_of(task)
    return boards.frame(
        givens_L=rules.parse(GIVEN[task]),
        cells_L=rules.parse(cells),
        previous_L=None if previous is None else rules.parse(previous),
        task=task,
    )


@pytest.mark.parametrize("task", GIVEN)
def test_the_puzzle_itself_shows_no_red_and_no_shade(task: str) -> None:
    shown = frame(task, GIVEN[task])
    for colour in (palette.RED, palette.BROKEN, palette.CHANGED):
        assert seen(shown, colour) == set()


@pytest.mark.parametrize("task", GIVEN)
def test_just_what_changed_is_shaded_also_where_something_went_away(task: str) -> None:
    shown = frame(task, ANSWER[task], GIVEN[task])
    changed = set(np.flatnonzero(shown.cells_L != shown.givens_L))
    assert changed and seen(shown, palette.CHANGED) == changed


@pytest.mark.parametrize(
    ("task", "cells", "wrong"),
    [
        ("parity9", "1........", set()),
        ("parity9", "0........", {0}),
        ("parity9", "0111.....", set()),
        ("parity9", "0110.....", {3}),
        ("queens4", ".Q.. ...Q Q... ..Q.", set()),
        ("queens4", ".Q.. ...Q .Q.. ..Q.", {1, 9, 14}),
        ("queens4", ".... ...Q Q... ..Q.", {1}),
        ("life5", "..... O.O.. .OO.. .O... ..... ++...", set()),
        ("life5", "..... O.... .OO.. .O... O.... ++...", {7, 20}),
    ],
)
def test_just_what_is_wrong_is_marked(task: str, cells: str, wrong: set[int]) -> None:
    assert seen(frame(task, cells), palette.BROKEN) == wrong


def test_bits_that_are_left_are_dark_the_parity_blue_and_those_folded_in_grey() -> None:
    shown = frame("parity9", "0111.....")
    assert seen(shown, palette.INK) == {0, 1, 2}
    assert seen(shown, palette.FILLED) == {3}
    assert seen(shown, palette.GREY) == {4}


def test_living_cells_are_blue_and_marks_dark_until_they_are_struck() -> None:
    shown = frame("life5", "..... O.O.. .OO.. .O... ..... ++...")
    assert seen(shown, palette.FILLED) == {5, 7, 11, 12, 16}
    assert seen(shown, palette.INK) == {25, 26}
    assert seen(shown, palette.HAIRLINE) == {27}


def test_queens_that_stood_are_dark_placed_ones_blue_attacked_ones_red() -> None:
    shown = frame("queens4", ".Q.. ...Q Q... ..Q.")
    assert seen(shown, palette.INK) == {1}
    assert seen(shown, palette.FILLED) == {7, 8, 14}
    dark = {i for i in range(16) if (i // 4 + i % 4) % 2}
    assert seen(shown, palette.TRACK) == dark
    attacked = frame("queens4", ".Q.. .Q.. .... ....")
    assert seen(attacked, palette.RED) == {1, 5}


@pytest.mark.parametrize("task", GIVEN)
def test_the_board_lies_within_its_frame(task: str) -> None:
    """Nothing is painted between the board and the edge of the picture."""
    empty = draw(frame(task, GIVEN[task]))
    left, top, width, height = (round(part) for part in palette.BOARD)
    rows = slice(top, top + height)
    for margin in (empty[rows, : left - 2], empty[rows, left + width + 2 :]):
        assert (margin == palette.PAPER).all()
