"""The symmetries of the square: by hand, as a group, and drawn evenly."""

import numpy as np
import pytest
import torch

from hrm_rl.puzzles import dihedral
from hrm_rl.puzzles.maze.rules import Maze

GRID = torch.tensor([[1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (0, [1, 2, 3, 4]),
        (1, [2, 4, 1, 3]),
        (2, [4, 3, 2, 1]),
        (3, [3, 1, 4, 2]),
        (4, [2, 1, 4, 3]),
        (5, [3, 4, 1, 2]),
        (6, [1, 3, 2, 4]),
        (7, [4, 2, 3, 1]),
    ],
)
def test_each_by_hand(which, expected):
    """1 2 over 3 4; a quarter turn to the left makes it 2 4 over 1 3."""
    assert dihedral.move(GRID, torch.tensor([which]), 2).tolist() == [expected]


@pytest.mark.parametrize("side", [2, 5])
def test_the_inverse_undoes(side):
    which_B = torch.arange(8)
    grids_BL = torch.arange(8 * side**2).view(8, -1)
    moved_BL = dihedral.move(grids_BL, which_B, side)
    assert not torch.equal(moved_BL[1:], grids_BL[1:])
    assert torch.equal(dihedral.move(moved_BL, dihedral.inverse(which_B), side), grids_BL)


def test_they_are_a_group_of_eight():
    table_GL = dihedral.table(3)
    rows = {tuple(row) for row in table_GL.tolist()}
    assert len(rows) == 8
    assert {tuple(first[second].tolist()) for first in table_GL for second in table_GL} == rows


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_puzzle_and_solution_move_together_and_all_come_up_equally_often(dtype):
    x_BL = torch.arange(1, 10).expand(16_000, 9).to(dtype)
    id_B = torch.arange(len(x_BL))
    generator = torch.Generator().manual_seed(3)
    new_x_BL, new_y_BL, new_id_B = dihedral.augment(Maze(3), x_BL, x_BL + 9, id_B, generator)
    assert new_x_BL.dtype == dtype and torch.equal(new_x_BL + 9, new_y_BL)
    assert torch.equal(new_id_B, id_B)
    found, counts = np.unique(new_x_BL.numpy(), axis=0, return_counts=True)
    assert len(found) == 8
    assert ((counts - 2000) ** 2 / 2000).sum() < 7 + 5 * 14**0.5  # five standard deviations


def test_a_seed_repeats():
    x_BL = torch.arange(16).expand(64, 16)
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 1, 2)]
    a, b, c = (dihedral.augment(Maze(4), x_BL, x_BL, x_BL[:, 0], seed)[0] for seed in seeds)
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_it_reads_nothing_from_the_device():
    x_BL = torch.ones(8, 81, dtype=torch.int32, device="meta")  # refuses .item(), nonzero, masks
    id_B = torch.zeros(8, dtype=torch.long, device="meta")
    new_x_BL, new_y_BL, _ = dihedral.augment(Maze(9), x_BL, x_BL, id_B)
    assert new_x_BL.shape == new_y_BL.shape == (8, 81) and new_x_BL.device.type == "meta"
