"""Random symmetries of Life, another one for each puzzle of a batch, without a host read.

Suffixes: B puzzles of the batch, L cells, of which N are those of a board.
"""

import torch
from torch import Tensor

from hrm_rl.puzzles import dihedral
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.task import Task


def turn_and_shift(task: Task, batch: Augmented, generator: torch.Generator | None) -> Augmented:
    """Life: the eight symmetries and a shift of the torus; the marks below stay where they are."""
    side, (B, L), device = task.columns, batch.x_BL.shape, batch.x_BL.device
    which_B, down_B, right_B = (
        _draw(count, batch.x_BL, generator) for count in (dihedral.COUNT, side, side)
    )
    cell_N = torch.arange(side * side, device=device)
    row_BN = (cell_N // side + down_B[:, None]) % side
    shifted_BN = row_BN * side + (cell_N + right_B[:, None]) % side
    old_BN = dihedral.table(side, device)[which_B].gather(1, shifted_BN)
    marks_BC = torch.arange(side * side, L, device=device).expand(B, -1)
    old_BL = torch.cat([old_BN, marks_BC], 1)

    def seen(tokens_BL: Tensor) -> Tensor:
        return tokens_BL.gather(1, old_BL)

    return batch._replace(x_BL=seen(batch.x_BL), y_BL=seen(batch.y_BL))


def _draw(count: int, like_BL: Tensor, generator: torch.Generator | None) -> Tensor:
    """A random number below `count` for each puzzle."""
    draw_B = torch.rand(len(like_BL), generator=generator, device=like_BL.device)
    return (draw_B * count).long()
