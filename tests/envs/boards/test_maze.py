"""The board of mazes, judged by its pixels."""

from typing import Any

import boards
import numpy as np
import pytest
from boards import seen
from mazes import drawn

from hrm_rl.envs.boards import maze, palette
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import draw

QUESTION = "S.#./..../#..#/##.G"
ANSWER = "S.#./oo../#oo#/##oG"
GAP = "So#./.o../#o.#/##oG"
WALLS = {2, 8, 11, 12, 13}


def frame(cells: str, previous: str | None = None, **changes: Any) -> Frame:
    fields = {"givens_L": drawn(QUESTION), "cells_L": drawn(cells), "task": "maze4"}
    fields["previous_L"] = None if previous is None else drawn(previous)
    return boards.frame(**(fields | changes))


@pytest.mark.parametrize("cells", [QUESTION, ANSWER, GAP])
def test_walls_start_and_goal_are_always_in_sight(cells):
    assert seen(frame(cells), maze.STONE) == WALLS
    assert seen(frame(cells), palette.INK) == {0}
    assert seen(frame(cells), palette.GREEN) == {15}


def test_no_prediction_shows_the_maze():
    nothing = frame(QUESTION, cells_L=np.zeros(16))
    assert np.array_equal(draw(nothing), draw(frame(QUESTION)))


def test_the_path_is_blue_and_nothing_is_red_in_a_right_answer():
    shown = frame(ANSWER)
    assert seen(shown, palette.FILLED) == {4, 5, 9, 10, 14}
    for colour in (palette.RED, palette.BROKEN, palette.CHANGED):
        assert seen(shown, colour) == set()


def test_loose_ends_are_red():
    shown = frame(GAP)
    assert seen(shown, palette.RED) == seen(shown, palette.BROKEN) == {9, 14}
    assert seen(shown, palette.FILLED) == {1, 5}


def test_start_and_goal_turn_red_where_the_path_forks():
    shown = frame("So#./oo../#oo#/##oG")
    assert seen(shown, palette.RED) == {0, 5} and not seen(shown, palette.INK)


@pytest.mark.parametrize(
    ("cells", "broken"),
    [
        ("S.#./..../o..#/##.G", {8}),  # a path on a wall
        ("S.../..../#..#/##.G", {2}),  # a wall gone
        ("S.#./...#/#..#/##.G", {7}),  # a wall more
        ("S.#./.G../#..#/##.G", {5}),  # a goal more
    ],
)
def test_what_is_not_to_be_changed_is_marked(cells, broken):
    shown = frame(cells)
    assert seen(shown, palette.BROKEN) == broken
    assert seen(shown, maze.STONE) >= WALLS


def test_a_way_that_is_not_the_shortest_is_ringed_once_the_episode_is_over():
    way, stored = "Sooo/...o/...o/...G", "So../.o../.o../.ooG"
    fields = {"givens_L": drawn("S.../..../..../...G"), "solution_L": drawn(stored)}
    differ = {2, 3, 7, 11, 5, 9, 13, 14}
    assert seen(frame(way, **fields, correct=False), palette.RED) == differ
    assert seen(frame(way, **fields, correct=True), palette.RED) == set()  # as short as the other
    assert seen(frame(way, givens_L=fields["givens_L"], correct=False), palette.RED) == set()


def test_what_breaks_a_rule_has_its_disc_and_no_ring():
    assert GAP != ANSWER
    without, with_it = frame(GAP), frame(GAP, solution_L=drawn(ANSWER), correct=False)
    assert seen(with_it, palette.BROKEN) == seen(without, palette.BROKEN) == {9, 14}
    assert seen(with_it, palette.RED) == {9, 14} | {1, 4, 10}


def test_changes_are_shaded_also_under_the_path_and_around_walls():
    shown = frame(ANSWER, previous="S.../oo../#oo#/##.G")
    assert seen(shown, palette.CHANGED) == {2, 14}
    assert seen(shown, maze.STONE) >= WALLS


def test_the_path_joins_its_neighbours_and_no_one_else():
    """The middles of the borders of cell 5: to 4 and 9 the path runs on, to 1 and 6 not."""
    left, top, side, _ = palette.cell_box(5, frame(ANSWER).rules)
    middle = side / 2
    borders = {4: (0, middle), 9: (middle, side), 1: (middle, 0), 6: (side, middle)}
    image = draw(frame(ANSWER))
    blue = {
        neighbour
        for neighbour, (x, y) in borders.items()
        if (image[round(top + y), round(left + x)] == palette.FILLED).all()
    }
    assert blue == {4, 9}


def test_a_picture_without_a_title_says_what_it_is():
    assert maze.NAME == "Maze"
    assert not np.array_equal(draw(frame(QUESTION)), draw(frame(QUESTION, title="Another")))
    assert np.array_equal(
        draw(frame(QUESTION)), draw(frame(QUESTION, title="Maze 4\N{MULTIPLICATION SIGN}4"))
    )
