"""Mazes turned on tensors: answered as the search on integers does, whatever the symmetry."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mazes import CROSSROADS, any_shortest, drawn, random_maze

from hrm_rl.puzzles import dihedral
from hrm_rl.puzzles.answer import solution
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.maze.augment import answered, longest
from hrm_rl.puzzles.maze.generate import generate
from hrm_rl.puzzles.maze.rules import FREE, GOAL, PATH, START, WALL, Maze


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values)).long()


def test_at_a_crossroads_the_order_is_down_left_right_up():
    """The first step taken, and once it is walled the next one: cells below, left, right, above S."""
    maze_L = drawn(CROSSROADS)
    (start,) = np.flatnonzero(maze_L == START)
    for step in (5, -1, 1, -5):
        answer_L = solution(Maze(5), maze_L)
        assert [answer_L[start + other] == PATH for other in (5, -1, 1, -5)].count(True) == 1
        assert answer_L[start + step] == PATH and (answer_L == PATH).sum() == 7
        on_tensors_L = answered(tensor(maze_L)[None], tensor(maze_L)[None], 5)[0]
        assert np.array_equal(on_tensors_L.numpy(), answer_L)
        maze_L[start + step] = WALL


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_answers_are_those_of_the_search_on_integers(side, seed):
    rng = np.random.default_rng(seed)
    mazes_PL = np.stack([random_maze(side, rng, walls) for walls in (0.0, 0.15, 0.3, 0.35)])
    other_PL = np.stack([any_shortest(maze_L, side, rng) for maze_L in mazes_PL])
    found_PL = answered(tensor(mazes_PL), tensor(other_PL), side)
    expected_PL = np.stack([solution(Maze(side), maze_L) for maze_L in mazes_PL])
    assert np.array_equal(found_PL.numpy(), expected_PL)


def test_turned_mazes_have_the_answers_that_such_mazes_have():
    """A turned answer alone would be another one in many of them."""
    task = Maze(8)
    puzzles = generate(task, 60, seed=0)
    before = Augmented(tensor(puzzles.inputs_PL), tensor(puzzles.solutions_PL), torch.arange(60))
    moved = augment(task, before, torch.Generator().manual_seed(0))
    turned = dihedral.augment(task, *before, torch.Generator().manual_seed(0))
    assert torch.equal(moved.x_BL, turned[0]) and torch.equal(moved.id_B, before.id_B)
    assert moved.y_BL.dtype == before.y_BL.dtype
    expected_PL = np.stack([solution(task, x_L) for x_L in moved.x_BL.numpy().astype(np.uint8)])
    assert np.array_equal(moved.y_BL.numpy(), expected_PL)
    changed = (moved.y_BL != turned[1]).any(1).sum()
    assert 10 < changed < 50


@pytest.mark.parametrize("side", [2, 3, 5, 8, 9])
def test_the_longest_ways_are_walked_to_their_ends(side):
    """Every second row, joined at one end and the other by turns."""
    free_SS = np.zeros((side, side), bool)
    free_SS[::2] = True
    free_SS[1::4, -1] = free_SS[3::4, 0] = True
    free_SS[-1] &= side % 2 == 1
    maze_L = np.where(free_SS, FREE, WALL).ravel()
    last = (side - 1) // 2 * 2
    maze_L[0] = START
    maze_L[last * side + (side - 1 if last % 4 == 0 else 0)] = GOAL
    answer_L = answered(tensor(maze_L)[None], tensor(maze_L)[None], side)[0].numpy()
    assert not (answer_L == FREE)[: (last + 1) * side].any()
    assert (answer_L == PATH).sum() + 1 <= longest(side)


def test_without_a_way_the_answer_stays():
    x_BL = torch.stack([tensor(drawn("S#/#G")), torch.zeros(4, dtype=torch.long)])
    y_BL = torch.stack([tensor(drawn("S#/#G")), torch.zeros(4, dtype=torch.long)]) + 7
    assert torch.equal(answered(x_BL, y_BL, 2), y_BL)


def test_nothing_is_read_from_the_device():
    x_BL = torch.ones(8, 81, dtype=torch.long, device="meta")  # refuses .item(), nonzero, masks
    moved = augment(Maze(9), Augmented(x_BL, x_BL, torch.zeros(8, dtype=torch.long, device="meta")))
    assert moved.y_BL.shape == (8, 81)
