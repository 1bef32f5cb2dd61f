"""ARC's board, judged by its pixels: the rule's pairs, the question, the answer and its marks."""

from typing import Any

import boards
import numpy as np
import pytest

from hrm_rl.envs.boards import arc, palette
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import draw
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.source import source

BOARD = Arc(5, 7)
QUESTION = BOARD.board(np.array([[1, 0], [0, 1]], np.uint8))
ANSWER = BOARD.board(np.array([[2, 0], [0, 2]], np.uint8))
PAIR = np.array([BOARD.board(np.array([[c]], np.uint8)) for c in (3, 4)])
BLUE, RED, GREEN, YELLOW = arc.COLOURS[1:5]


def frame(cells_L: np.ndarray, previous_L: np.ndarray | None = None, **changes: Any) -> Frame:
    fields = {"givens_L": QUESTION, "cells_L": cells_L, "previous_L": previous_L}
    fields |= {"task": BOARD.task, "demonstrations": [PAIR]}
    return boards.frame(**(fields | changes))


def count(shown: Frame, colour: palette.Colour) -> int:
    """Pixels of just this colour on the board."""
    left, top, width, height = (round(part) for part in palette.BOARD)
    pixels = draw(shown)[top - 1 : top + height + 1, left - 1 : left + width + 1]
    return int((pixels == colour).all(-1).sum())


def where(shown: Frame, colour: palette.Colour) -> tuple[float, float]:
    """The middle of the pixels of a colour, (x, y) as shares of the board."""
    left, top, width, height = palette.BOARD
    y, x = np.nonzero((draw(shown) == colour).all(-1))
    inside = (y >= top) & (y < top + height)
    return float((x[inside].mean() - left) / width), float((y[inside].mean() - top) / height)


def test_everything_has_its_place() -> None:
    shown = frame(ANSWER)
    assert where(shown, BLUE)[0] < 0.4 < 0.6 < where(shown, RED)[0]  # question left, answer right
    assert where(shown, GREEN)[1] < where(shown, YELLOW)[1] < 0.45  # the pair above, answer below
    assert min(where(shown, BLUE)[1], where(shown, RED)[1]) > 0.55
    assert abs(where(shown, GREEN)[0] - 0.5) < 0.01


def test_pairs_stand_side_by_side_and_the_first_six_only() -> None:
    pairs = [np.array([BOARD.board(np.full((1, 1), c, np.uint8))] * 2) for c in range(3, 10)]
    shown = frame(ANSWER, demonstrations=pairs)
    places = [where(shown, arc.COLOURS[c])[0] for c in range(3, 9)]
    assert places == sorted(places)
    assert count(shown, arc.COLOURS[9]) == 0


def test_without_pairs_the_question_is_in_the_middle() -> None:
    assert abs(where(frame(ANSWER, demonstrations=()), BLUE)[1] - 0.5) < 0.02


def test_question_and_answer_have_one_scale() -> None:
    shown = frame(ANSWER)
    assert count(shown, RED) == count(shown, BLUE)


def test_only_what_changed_has_a_rim() -> None:
    assert count(frame(ANSWER), palette.CHANGED) == 0
    assert count(frame(ANSWER, ANSWER), palette.CHANGED) == 0
    before = ANSWER.copy()
    before[0] = 7
    one = count(frame(ANSWER, before), palette.CHANGED)
    assert one > 0
    before[1] = 7
    assert count(frame(ANSWER, before), palette.CHANGED) == pytest.approx(2 * one, rel=0.02)
    smaller = BOARD.board(np.array([[2]], np.uint8))
    assert count(frame(ANSWER, smaller), palette.CHANGED) == pytest.approx(3 * one, rel=0.02)


def test_a_missing_end_is_marked() -> None:
    assert count(frame(ANSWER), palette.BROKEN) == 0
    open_L = ANSWER.copy()
    open_L[2] = 0  # right of the first row
    assert count(frame(open_L), palette.BROKEN) > 50
    assert where(frame(open_L), palette.BROKEN)[0] > where(frame(open_L), RED)[0]


def test_no_grid_at_all() -> None:
    shown = frame(np.zeros(25, np.uint8))
    assert count(shown, RED) == 0
    assert count(shown, palette.GREY) > 0


def test_every_colour_is_drawn_as_it_is() -> None:
    board = Arc(12)
    colours = board.board(np.arange(10, dtype=np.uint8).reshape(2, 5))
    shown = frame(colours, givens_L=colours, task=board.task, demonstrations=())
    areas = [count(shown, colour) for colour in arc.COLOURS]
    assert min(areas) > 0.8 * max(areas)


def test_made_up_tasks_bring_their_pairs() -> None:
    puzzles = source("arc6x7:9:0").take([8])
    (pairs,) = [puzzles.shown[int(i)] for i in puzzles.ids_P]
    assert pairs.shape == (3, 2, 36)


def missed(cells_L: np.ndarray, solution_L: np.ndarray, **changes: Any) -> Frame:
    """A wrong answer once the episode is over."""
    over = {"decision": "halt", "correct": False, "solution_L": solution_L}
    return frame(cells_L, **(over | changes))


def test_wrong_cells_are_ringed_once_the_episode_is_over() -> None:
    right_L = BOARD.board(np.array([[2, 0], [0, 5]], np.uint8))
    assert count(frame(ANSWER), palette.RED) == 0
    shown = missed(ANSWER, right_L)
    one = count(shown, palette.RED)
    assert one > 50
    x, y = where(shown, palette.RED)  # right and below in the answer, which is right and below
    middle = where(frame(ANSWER), RED)
    assert x > middle[0] + 0.05 and y > middle[1] + 0.05
    both_L = BOARD.board(np.array([[6, 0], [0, 5]], np.uint8))
    assert count(missed(ANSWER, both_L), palette.RED) == pytest.approx(2 * one, rel=0.05)
    assert count(missed(ANSWER, ANSWER), palette.RED) == 0


def test_a_right_answer_has_no_rings_whatever_is_stored() -> None:
    other_L = BOARD.board(np.array([[3, 3], [3, 3]], np.uint8))
    assert count(missed(ANSWER, other_L), palette.RED) > 0
    assert count(missed(ANSWER, other_L, correct=True), palette.RED) == 0


def test_cells_that_an_answer_lacks_are_ringed_beside_it() -> None:
    wide_L = BOARD.board(np.array([[2, 0, 1], [0, 2, 1]], np.uint8))
    lacks, has_more = missed(ANSWER, wide_L), missed(wide_L, ANSWER)
    assert where(lacks, palette.RED)[0] > where(lacks, RED)[0] + 0.05
    assert count(lacks, palette.RED) == count(has_more, palette.RED) > 0
    assert count(lacks, BLUE) < count(has_more, BLUE)  # what it lacks is not told


def test_an_end_that_is_missing_is_marked_once() -> None:
    wide_L = BOARD.board(np.array([[2, 0, 1], [0, 2, 1]], np.uint8))
    open_L = ANSWER.copy()
    open_L[2] = 0
    assert count(missed(open_L, wide_L), palette.BROKEN) > 50
    both = count(missed(ANSWER, wide_L), palette.RED)
    smaller = (3 / 4) ** 2  # the disc beside the grid wants room
    one = both / 2 * smaller
    assert count(missed(open_L, wide_L), palette.RED) == pytest.approx(one, rel=0.1)
