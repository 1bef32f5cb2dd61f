"""Whether a prediction is a shortest way through its maze, be it the stored one or another.

Suffixes: B mazes, S rows (and columns), L cells read row by row.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Integer
from torch import Tensor

from hrm_rl.puzzles.maze.rules import FREE, GOAL, PAD, PATH, START
from hrm_rl.puzzles.task import Task


def valid_optimal(
    task: Task,
    x_BL: Integer[Tensor, "B L"],
    prediction_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
) -> Bool[Tensor, " B"]:
    """Paper, "Benchmarks": a path is correct if it is valid and optimal.

    No search is needed, and nothing is read from the device. The stored answer says how many cells
    a shortest way has between its ends. A prediction with that many, all on free cells, where each
    has two neighbours on the path and start and goal have one, is a way from start to goal and
    perhaps rings beside it; but the way alone already needs all the cells. And in a shortest way no
    cell has another neighbour than the one before and the one after. Rows of PAD are never right.
    """
    path_BL = prediction_BL == PATH
    kept_BL = torch.where(path_BL, x_BL == FREE, prediction_BL == x_BL)
    end_BL = (x_BL == START) | (x_BL == GOAL)
    neighbours_BL = _neighbours(path_BL | end_BL, task.rows)
    linked_BL = (neighbours_BL == 2) & path_BL | (neighbours_BL == 1) & end_BL
    as_long_B = path_BL.sum(1) == (y_BL == PATH).sum(1)
    whole_B = (kept_BL & (linked_BL | ~(path_BL | end_BL))).all(1)
    return whole_B & as_long_B & (y_BL != PAD).any(1)


def _neighbours(cells_BL: Bool[Tensor, "B L"], side: int) -> Integer[Tensor, "B L"]:
    """How many of the up to four neighbours of each cell are marked."""
    wide_BSS = F.pad(cells_BL.view(-1, side, side).int(), (1, 1, 1, 1))
    up, down = wide_BSS[:, :-2, 1:-1], wide_BSS[:, 2:, 1:-1]
    left, right = wide_BSS[:, 1:-1, :-2], wide_BSS[:, 1:-1, 2:]
    return (up + down + left + right).reshape(cells_BL.shape)
