"""The generator: the law of Lehnert et al., exact labels, splits that share no layout."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mazes import beside, grids, search

from hrm_rl.puzzles import PuzzleError, dihedral
from hrm_rl.puzzles.maze import generate as maze_generate
from hrm_rl.puzzles.maze import wavefront
from hrm_rl.puzzles.maze.generate import generate, long_pairs, split_of
from hrm_rl.puzzles.maze.rules import FREE, GOAL, PATH, START, WALL, Maze

TEN = Maze(10)


def shortest_ways(maze_L: np.ndarray, side: int) -> tuple[int, int]:
    """Cells of a shortest way from start to goal, and how many such ways there are."""
    (start,), (goal,) = np.flatnonzero(maze_L == START), np.flatnonzero(maze_L == GOAL)
    steps_L = search(maze_L != WALL, start, side)
    ways_L = np.zeros(side**2, dtype=np.int64)
    ways_L[start] = 1
    for cell in np.argsort(steps_L, kind="stable"):
        if steps_L[cell] > 0:
            before = [c for c in beside(cell, side) if steps_L[c] == steps_L[cell] - 1]
            ways_L[cell] = ways_L[before].sum()
    return steps_L[goal] + 1, ways_L[goal]


@pytest.mark.parametrize(("unique", "knob"), [(False, None), (True, 14)])
def test_mazes_have_their_shortest_way_and_its_length(unique, knob):
    puzzles = generate(TEN, 60, seed=3, knob=knob, unique=unique)
    assert puzzles.task == "maze10" and TEN.solved(puzzles.inputs_PL, puzzles.solutions_PL).all()
    found = [shortest_ways(maze_L, 10) for maze_L in puzzles.inputs_PL]
    assert [cells for cells, _ in found] == puzzles.ratings_P.tolist()
    assert puzzles.ratings_P.min() >= (knob or 10)
    ways = [count for _, count in found]
    assert set(ways) == {1} if unique else max(ways) > 10
    assert ((puzzles.solutions_PL == PATH).sum(1) == puzzles.ratings_P - 2).all()


def test_the_stored_way_breaks_ties_up_down_left_right():
    puzzles = generate(TEN, 30, seed=4)
    for maze_L, answer_L in zip(puzzles.inputs_PL, puzzles.solutions_PL, strict=True):
        (here,), (goal,) = np.flatnonzero(maze_L == START), np.flatnonzero(maze_L == GOAL)
        to_goal_L = search(maze_L != WALL, goal, 10)
        path = set()
        while to_goal_L[here] > 1:
            here = next(c for c in beside(here, 10) if to_goal_L[c] == to_goal_L[here] - 1)
            path.add(here)
        assert path == set(np.flatnonzero(answer_L == PATH))


@given(st.integers(0, 2**32 - 1), st.integers(4, 9))
def test_walling_off_leaves_one_shortest_way_of_the_same_length(seed, side):
    free_L = np.random.default_rng(seed).random(side**2) < 0.8
    ends = wavefront.nth(wavefront.bits(free_L, side), 0), 1 << (side + 1) * (side - 1) + side - 1
    free = wavefront.bits(free_L, side) | ends[1]
    way = wavefront.way(free, *ends, side)
    if way:
        left = maze_generate.wall_off(free, way, side)
        maze_L = np.where(wavefront.cells(left, side), FREE, WALL)
        for end, value in zip(ends, (START, GOAL), strict=True):
            maze_L[wavefront.cells(end, side)] = value
        assert wavefront.way(left, *ends, side) == way and left & ~free == 0
        assert shortest_ways(maze_L, side) == (len(way), 1)


def test_puzzles_depend_on_seed_split_and_number_alone():
    whole = generate(TEN, 6, seed=1).inputs_PL
    assert np.array_equal(whole[4:], generate(TEN, 2, seed=1, first=4).inputs_PL)
    rows = [
        whole,
        generate(TEN, 6, seed=2).inputs_PL,
        generate(TEN, 6, seed=1, split="fit").inputs_PL,
    ]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 18
    assert len(generate(TEN, 0, seed=1)) == 0


def test_layouts_have_three_to_five_tenths_of_walls_any_number_as_likely():
    """21 numbers of walls on 10x10, before any maze is turned down."""
    draws = maze_generate._Draws(5, "train", 0)
    free_PL = np.stack([maze_generate._layout(TEN, draws) for _ in range(4200)])
    counts = np.bincount((~free_PL).sum(1), minlength=51)
    assert counts[:30].sum() == 0 and len(counts) == 51
    assert ((counts[30:] - 200) ** 2 / 200).sum() < 20 + 5 * 40**0.5  # five standard deviations
    walls_L = (~free_PL).mean(0)
    assert abs(walls_L - 0.4).max() < 5 * (0.25 / 4200) ** 0.5


def test_start_and_goal_are_any_two_free_cells():
    """On a strip of four cells, 12 ordered pairs; those two apart or more are kept."""
    free = 0b1111
    draws = maze_generate._Draws(6, "train", 0)
    pairs = Counter(maze_generate._pair(draws, free, 6, 2) for _ in range(3000))
    refused = pairs.pop(None)
    assert refused == pytest.approx(1500, abs=5 * 750**0.5)  # six of twelve are neighbours
    assert {(s.bit_length(), g.bit_length()) for s, g in pairs} == {
        (1, 3), (1, 4), (2, 4), (3, 1), (4, 1), (4, 2),
    }  # fmt: skip
    assert min(pairs.values()) > 250 - 5 * 250**0.5


@given(grids(sides=(2, 9)), st.integers(1, 20))
def test_no_long_pair_is_overlooked(grid, far):
    side, free_L = grid
    found = {
        (int(np.flatnonzero(wavefront.cells(start, side))[0]), goal)
        for start, goals in long_pairs(wavefront.bits(free_L, side), side, far)
        for goal in np.flatnonzero(wavefront.cells(goals, side))
    }
    expected = {
        (start, goal)
        for start in np.flatnonzero(free_L)
        for goal in np.flatnonzero(search(free_L, start, side) >= far)
    }
    assert found == expected


@pytest.mark.slow
def test_looking_for_rare_ways_changes_nothing_in_what_is_found(monkeypatch):
    """Lengths of ways of 13 cells or more on 6x6, drawn plainly and as rare ones."""
    lengths = {}
    for rare in (10.0, 2.0):
        monkeypatch.setattr(maze_generate, "RARE", rare)
        monkeypatch.setattr(maze_generate, "CAP", 0.5)
        lengths[rare] = generate(Maze(6), 150, seed=9, knob=13).ratings_P
    plain, looked = (np.bincount(np.minimum(found, 16) - 13) for found in lengths.values())
    chi2 = ((plain - looked) ** 2 / (plain + looked)).sum()
    assert not np.array_equal(*lengths.values()) and chi2 < 3 + 5 * 6**0.5


def test_rare_ways_are_accepted_in_proportion_to_their_share(monkeypatch):
    monkeypatch.setattr(maze_generate, "CAP", 0.01)
    draws = maze_generate._Draws(1, "train", 0)
    ring = wavefront.bits(np.pad(np.zeros((2, 2), bool), 1, constant_values=True).ravel(), 4)
    # Of the 132 pairs of its 12 cells 12 are six steps apart: more than the cap.
    assert all(maze_generate._rare_pair(draws, ring, 4, 6) for _ in range(20))
    block = wavefront.bits(np.ones(49, bool), 7)  # from corner to corner, 4 of 2352 pairs
    pairs = Counter(maze_generate._rare_pair(draws, block, 7, 12) for _ in range(1000))
    share = 4 / 2352 / 0.01
    assert 1000 - pairs.pop(None) == pytest.approx(1000 * share, abs=5 * (1000 * share) ** 0.5)
    assert len(pairs) == 4 and min(pairs.values()) > 20


def test_a_layout_and_its_symmetries_belong_to_one_split():
    free_PL = np.random.default_rng(0).random((2000, 81)) < 0.6
    splits = [split_of(free_L, 9) for free_L in free_PL]
    shares = Counter(splits)
    assert shares["train"] == pytest.approx(1000, abs=5 * 500**0.5)
    assert shares["test"] == pytest.approx(500, abs=5 * 375**0.5) and len(shares) == 3
    for which in range(8):
        moved_PL = dihedral.move(
            torch.from_numpy(free_PL).byte(), torch.full((2000,), which), 9
        ).numpy()
        assert [split_of(free_L > 0, 9) for free_L in moved_PL] == splits


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("split", ["train", "fit", "test"])
def test_mazes_have_layouts_of_their_split_whatever_the_seed(split, unique):
    for seed in range(3):
        puzzles = generate(Maze(5), 20, seed=seed, split=split, unique=unique)
        assert {split_of(maze_L != WALL, 5) for maze_L in puzzles.inputs_PL} == {split}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, r"seed must be in \[0, 2\*\*32\), got -1"),
        ({"split": "dev"}, "split must be one of train, test, fit, got 'dev'"),
        ({"count": -1}, "count and first must be >= 0, got -1 and 0"),
        ({"knob": 1}, r"must lie in 2\.\.100 on a 10x10 maze, got 1"),
        ({"knob": 101}, r"must lie in 2\.\.100 on a 10x10 maze, got 101"),
        ({"task": Maze(3)}, "a maze made to order has 4 rows or more, got 3"),
    ],
)
def test_bad_arguments_are_told(arguments, message):
    task, count = arguments.pop("task", TEN), arguments.pop("count", 1)
    with pytest.raises(PuzzleError, match=message):
        generate(task, count, **({"seed": 0} | arguments))


def test_what_cannot_be_is_given_up(monkeypatch):
    monkeypatch.setattr(maze_generate, "PATIENCE", 50)
    with pytest.raises(PuzzleError, match="no maze10 of 50 had a shortest way of 90 cells"):
        generate(TEN, 1, seed=0, knob=90)


@pytest.mark.slow
def test_a_maze_as_hard_as_the_papers():
    puzzles = generate(Maze(30), 1, seed=0, knob=110, split="test")
    assert puzzles.ratings_P.min() >= 110
    assert [shortest_ways(maze_L, 30)[0] for maze_L in puzzles.inputs_PL] == list(puzzles.ratings_P)
    assert ((puzzles.inputs_PL == GOAL).sum(1) == 1).all()
