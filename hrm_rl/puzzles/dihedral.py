"""The eight symmetries of a square, applied to grids of tokens without a host read.

Numbered as in the public code: 0 as it is; 1, 2, 3 quarter turns to the left; 4 mirrored left and
right; 5 mirrored up and down; 6 transposed; 7 transposed along the other diagonal.

Suffixes: B grids, G symmetries, S rows (and columns), L cells read row by row.
"""

import torch
from jaxtyping import Int, Integer
from torch import Tensor

from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.task import Task

COUNT = 8


def table(side: int, device: torch.device | str = "cpu") -> Int[Tensor, "8 L"]:
    """For each symmetry, the old cell of every new cell."""
    cells_SS = torch.arange(side * side, device=device).view(side, side)
    turned = [cells_SS.rot90(quarter) for quarter in range(4)]
    mirrored = [cells_SS.fliplr(), cells_SS.flipud(), cells_SS.mT, turned[1].fliplr()]
    return torch.stack(turned + mirrored).view(COUNT, side * side)


def inverse(which_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    """What undoes each symmetry: quarter turns swap, the others undo themselves."""
    return torch.where((which_B == 1) | (which_B == 3), 4 - which_B, which_B)


def move(
    tokens_BL: Integer[Tensor, "B L"], which_B: Int[Tensor, " B"], side: int
) -> Integer[Tensor, "B L"]:
    """Each grid after the symmetry of its row."""
    return tokens_BL.gather(1, table(side, tokens_BL.device)[which_B])


def augment(
    task: Task,
    x_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
    id_B: Integer[Tensor, " B"],
    generator: torch.Generator | None = None,
) -> tuple[Integer[Tensor, "B L"], Integer[Tensor, "B L"], Integer[Tensor, " B"]]:
    """Puzzles and solutions after a random symmetry per row, the same for x and y; id stays.

    For rules that know no direction (Life, queens; mazes, once answered anew). `generator` must
    live on the tensors' device; None is torch's.
    """
    draw_B = torch.rand(x_BL.shape[0], generator=generator, device=x_BL.device)
    which_B = (draw_B * COUNT).long()
    return move(x_BL, which_B, task.rows), move(y_BL, which_B, task.rows), id_B


def turn(task: Task, batch: Augmented, generator: torch.Generator | None) -> Augmented:
    """Queens: the eight symmetries of the square; a turned answer is one of those that a board has."""
    x_BL, y_BL, _ = augment(task, *batch, generator)
    return batch._replace(x_BL=x_BL, y_BL=y_BL)
