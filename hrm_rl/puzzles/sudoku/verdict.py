"""Does an answer check itself? Without the solution, on tensors, without a host read.

Suffixes: B puzzles of the batch, L cells, U units of S cells.
"""

import torch
from jaxtyping import Bool, Integer
from torch import Tensor

from hrm_rl.puzzles.sudoku.rules import BLANK, Sudoku
from hrm_rl.puzzles.task import Task


def check_verifies(task: Task) -> Sudoku:
    """The rules of a puzzle whose answers verify.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(task, Sudoku):
        raise ValueError(f"copies are of Sudoku, which checks itself, got {task.task}")
    return task


def verified(
    task: Sudoku, x_BL: Integer[Tensor, "B L"], prediction_BL: Integer[Tensor, "B L"]
) -> Bool[Tensor, " B"]:
    """Whether predictions (tokens) keep the givens and hold each digit once in every unit.

    Where a puzzle has one solution, that is it. The sum of as many powers of two as a number has
    bits set is that number only if they are its bits, so that a sum over a unit tells.
    """
    kept_B = ((x_BL <= BLANK) | (x_BL == prediction_BL)).all(-1)
    digit_BL = (prediction_BL.long() - BLANK).clamp(min=0)
    units_US = torch.tensor(task.units, device=x_BL.device)
    sum_BU = (1 << digit_BL)[:, units_US].sum(-1)
    return kept_B & (sum_BU == (2 << task.size) - 2).all(-1)
