"""The mazes in the package: right, with the rating they say, splits apart, made by the generator."""

import numpy as np
import pytest
from mazes import search

from hrm_rl.puzzles import concat, load, task_of
from hrm_rl.puzzles.files import DATA, SPLITS
from hrm_rl.puzzles.maze.generate import generate, split_of
from hrm_rl.puzzles.maze.rules import GOAL, START, WALL
from hrm_rl.puzzles.source import source

COUNTS = {"train": 250, "fit": 250, "test": 500}


@pytest.mark.parametrize("split", SPLITS)
def test_ratings_are_the_cells_of_a_shortest_way_as_a_search_finds_it(split):
    puzzles = load("maze8", split)  # which checks every answer against the rules
    assert puzzles.task == "maze8" and len(puzzles) == COUNTS[split]
    for maze_L, rating in zip(puzzles.inputs_PL, puzzles.ratings_P, strict=True):
        steps_L = search(maze_L != WALL, int(np.flatnonzero(maze_L == START)[0]), 8)
        assert steps_L[maze_L == GOAL].tolist() == [rating - 1]
    assert puzzles.ratings_P.min() == 8 and puzzles.ratings_P.max() >= 18


def test_no_layout_is_in_two_splits_nor_twice():
    whole = concat([load("maze8", split) for split in SPLITS])
    assert len(np.unique(whole.inputs_PL == WALL, axis=0)) == len(whole)
    for split in SPLITS:
        layouts_PL = load("maze8", split).inputs_PL != WALL
        assert {split_of(free_L, 8) for free_L in layouts_PL} == {split}


@pytest.mark.parametrize("split", SPLITS)
def test_the_generator_makes_them_again(split):
    shipped, last = load("maze8", split), COUNTS[split] - 5
    made = generate(task_of("maze8"), 5, seed=1, split=split, first=last)
    assert np.array_equal(made.inputs_PL, shipped.inputs_PL[last:])
    assert np.array_equal(made.solutions_PL, shipped.solutions_PL[last:])
    assert np.array_equal(made.ratings_P, shipped.ratings_P[last:])


def test_they_take_little_room():
    assert sum(file.stat().st_size for file in DATA.glob("maze8_*.csv")) < 150e3


def test_more_are_made_by_name():
    made = source("maze8:4:3:15", "fit")
    assert made.ratings_P.min() >= 15 and len(made) == 4
    again = generate(task_of("maze8"), 4, seed=3, split="fit", knob=15)
    assert np.array_equal(made.inputs_PL, again.inputs_PL)
    assert np.array_equal(source("maze8", "test").inputs_PL, load("maze8", "test").inputs_PL)
    assert len(source("maze6", "test")) == 1000  # none ship of that size
