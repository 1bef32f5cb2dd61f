"""Mazes mirrored and turned, each answered anew: a turned way is a shortest one, but not the first.

Of several shortest ways the stored one takes the first step nearer in an order (`wavefront.way`)
that does not turn with the maze.

Suffixes: B mazes, S rows (and columns), L cells read row by row, W cells with a wall around them.
"""

from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, Integer
from torch import Tensor

from hrm_rl.puzzles import dihedral
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.maze.rules import FREE, GOAL, PAD, PATH, START, WALL
from hrm_rl.puzzles.task import Task

DOWN, LEFT, RIGHT, UP = (1, 0), (0, -1), (0, 1), (-1, 0)
ORDER: Final = (DOWN, LEFT, RIGHT, UP)
"""Rows and columns of the steps, the first to be taken first."""


def turn(task: Task, batch: Augmented, generator: torch.Generator | None) -> Augmented:
    """The eight symmetries of the square, with the answer that such a maze has."""
    x_BL, y_BL, _ = dihedral.augment(task, *batch, generator)
    return batch._replace(x_BL=x_BL, y_BL=answered(x_BL, y_BL, task.rows))


def answered(
    x_BL: Integer[Tensor, "B L"], y_BL: Integer[Tensor, "B L"], side: int
) -> Integer[Tensor, "B L"]:
    """Each maze with the way of `wavefront.way`, without a host read.

    Args:
        y_BL: what is kept where no way leads from start to goal, as in rows of PAD.
    """
    parts = ((x_BL != WALL) & (x_BL != PAD), x_BL == START, x_BL == GOAL)
    free_BW, start_BW, goal_BW = (_walled(cells_BL, side) for cells_BL in parts)
    left_BW = _steps_left(free_BW, goal_BW, side)
    on_BSS = _walked(start_BW, left_BW, side).unflatten(1, (side + 2, side + 2))
    way_BL = on_BSS[:, 1:-1, 1:-1].flatten(1)
    leads_B1 = (way_BL & (x_BL == GOAL)).any(1, keepdim=True)
    way_BL = way_BL & (x_BL == FREE)
    return torch.where(leads_B1, torch.where(way_BL, PATH, x_BL), y_BL).to(y_BL.dtype)


def _walled(cells_BL: Bool[Tensor, "B L"], side: int) -> Bool[Tensor, "B W"]:
    """With a wall around, so that a step is a shift of all cells and nothing wraps around."""
    return F.pad(cells_BL.view(-1, side, side), (1, 1, 1, 1)).flatten(1)


def _shifts(side: int) -> tuple[int, ...]:
    """How far the number of a cell grows by each step of `ORDER`."""
    return tuple(row * (side + 2) + column for row, column in ORDER)


def longest(side: int) -> int:
    """More steps than a shortest way has: of two by two cells it never has all four."""
    return 3 * ((side + 1) // 2) ** 2


def _steps_left(
    free_BW: Bool[Tensor, "B W"], goal_BW: Bool[Tensor, "B W"], side: int
) -> Int[Tensor, "B W"]:
    """Steps from each cell to the goal; `longest(side)` where no way leads there."""
    near_BW, left_BW = goal_BW, torch.zeros(goal_BW.shape, dtype=torch.int32, device=goal_BW.device)
    for _ in range(longest(side)):
        left_BW = left_BW + ~near_BW
        wave_BW = near_BW
        for shift in _shifts(side):
            wave_BW = wave_BW | near_BW.roll(shift, 1)
        near_BW = wave_BW & free_BW
    return left_BW


def _walked(
    start_BW: Bool[Tensor, "B W"], left_BW: Int[Tensor, "B W"], side: int
) -> Bool[Tensor, "B W"]:
    """The cells from the start on, each followed by the first that is nearer.

    Who has gone n cells and knows where n more lead from every cell has gone 2 n: few rounds do.
    """
    here_BW = torch.arange(left_BW.shape[1], device=left_BW.device).expand(left_BW.shape)
    next_BW = here_BW
    for shift in reversed(_shifts(side)):
        nearer_BW = left_BW.roll(-shift, 1) == left_BW - 1
        next_BW = torch.where(nearer_BW, here_BW + shift, next_BW)
    on_BW = start_BW
    for _ in range(longest(side).bit_length()):
        reached_BW = torch.zeros_like(left_BW).scatter_add(1, next_BW, on_BW.to(left_BW.dtype))
        on_BW, next_BW = on_BW | (reached_BW > 0), next_BW.gather(1, next_BW)
    return on_BW
