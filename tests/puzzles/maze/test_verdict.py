"""The verdict without a search, against walks along the path and the search of the textbook."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mazes import any_shortest, drawn, random_maze, right

from hrm_rl.puzzles.maze.rules import FREE, PATH, Maze
from hrm_rl.puzzles.maze.verdict import valid_optimal


def verdict(x_L: np.ndarray, prediction_L: np.ndarray, y_L: np.ndarray) -> bool:
    side = round(len(x_L) ** 0.5)
    tokens = [torch.from_numpy(np.asarray(t)).long()[None] for t in (x_L, prediction_L, y_L)]
    return bool(valid_optimal(Maze(side), *tokens)[0])


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_any_shortest_way_is_right_whichever_is_stored(side, seed):
    rng = np.random.default_rng(seed)
    maze_L = random_maze(side, rng, walls=0.2)
    stored_L, other_L = (any_shortest(maze_L, side, rng) for _ in range(2))
    assert verdict(maze_L, other_L, stored_L)


@given(st.integers(2, 6), st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_changed_cells_are_judged_as_by_walking(side, seed, changes, path_only):
    rng = np.random.default_rng(seed)
    maze_L = random_maze(side, rng, walls=0.15)
    stored_L = any_shortest(maze_L, side, rng)
    prediction_L = any_shortest(maze_L, side, rng)
    cells = rng.integers(side**2, size=changes)
    prediction_L[cells] = rng.choice([FREE, PATH], changes) if path_only else rng.integers(6)
    assert verdict(maze_L, prediction_L, stored_L) == right(maze_L, prediction_L, side)


def test_every_set_of_path_cells_on_a_small_maze_is_judged_as_by_walking():
    """All 2^12 ways to mark the free cells: rings, forks and stray cells among them."""
    maze_L = drawn("S..#/.#../..G./....")
    free = np.flatnonzero(maze_L == FREE)
    stored_L = any_shortest(maze_L, 4, np.random.default_rng(0))
    predictions_PL = np.tile(maze_L, (2 ** len(free), 1))
    for bit, cell in enumerate(free):
        predictions_PL[np.arange(2 ** len(free)) >> bit & 1 == 1, cell] = PATH
    P = len(predictions_PL)
    verdicts_P = valid_optimal(
        Maze(4),
        torch.from_numpy(maze_L).long().expand(P, -1),
        torch.from_numpy(predictions_PL).long(),
        torch.from_numpy(stored_L).long().expand(P, -1),
    )
    walked_P = [right(maze_L, prediction_L, 4) for prediction_L in predictions_PL]
    assert verdicts_P.tolist() == walked_P
    assert sum(walked_P) == 2  # along the top and down, or down and along the middle


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ("SoG./..../..oo/..oo", False),  # the way, and a ring beside it
        ("S.G./..../.o../....", False),  # as many cells, in the wrong place
        ("SoG./..../..../....", True),
    ],
)
def test_rings_and_stray_cells_by_hand(prediction, expected):
    assert verdict(
        drawn("S.G./..../..../...."), drawn(prediction), drawn("SoG./..../..../....")
    ) == (expected)


def test_neighbours_need_no_cell_between():
    x_L = drawn("SG/..")
    assert verdict(x_L, x_L, x_L) and not verdict(x_L, drawn("SG/oo"), x_L)


def test_rows_of_pad_are_never_right():
    nothing_L = np.zeros(16, np.uint8)
    assert not verdict(nothing_L, nothing_L, nothing_L)


def test_it_reads_nothing_from_the_device():
    x_BL = torch.ones(8, 100, dtype=torch.long, device="meta")  # refuses .item(), nonzero, masks
    right_B = valid_optimal(Maze(10), x_BL, x_BL, x_BL)
    assert right_B.shape == (8,) and right_B.device.type == "meta"
