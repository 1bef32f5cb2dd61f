"""Do the queens stand right, though perhaps not as in the stored solution?

Suffixes: B puzzles of the batch, L cells, S rows and columns, U diagonals of one direction.
"""

import torch
from jaxtyping import Bool, Integer
from torch import Tensor

from hrm_rl.puzzles.task import Task

QUEEN = 2


def valid(
    task: Task,
    x_BL: Integer[Tensor, "B L"],
    prediction_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
) -> Bool[Tensor, " B"]:
    """One queen in every row and column, at most one on a diagonal, and those of the puzzle stay."""
    side = task.rows
    queens_BL = prediction_BL == QUEEN
    queens_BSS = queens_BL.view(-1, side, side)
    at_S = torch.arange(side, device=x_BL.device)
    falling_LU = _on_lines((at_S[:, None] - at_S + side).flatten(), 2 * side)
    rising_LU = _on_lines((at_S[:, None] + at_S).flatten(), 2 * side)
    on_lines_BU = queens_BL.float() @ torch.cat([falling_LU, rising_LU], 1)
    one_each_B = ((queens_BSS.sum(1) == 1) & (queens_BSS.sum(2) == 1)).all(1)
    keeps_B = (queens_BL | (x_BL != QUEEN)).all(1)
    no_pad_B = (prediction_BL != 0).all(1)
    return one_each_B & (on_lines_BU <= 1).all(1) & keeps_B & no_pad_B


def _on_lines(line_L: Tensor, lines: int) -> Tensor:
    """(L, U) float: which line each cell lies on."""
    return (line_L[:, None] == torch.arange(lines, device=line_L.device)).float()
