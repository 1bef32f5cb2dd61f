"""Of all answers of a puzzle, the one that a prediction is nearest to.

Suffixes: B puzzles of the batch, A solutions of the empty board, L cells, V vocabulary.
"""

from functools import cache
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from hrm_rl.puzzles.task import Task
from hrm_rl.puzzles.toys.queens.verdict import QUEEN

LARGEST: Final = 10
"""Rows of a board whose solutions are kept, all 724 of them; on eight rows there are 92."""


@cache
def every(size: int) -> Integer[np.ndarray, "A L"]:
    """Tokens of all solutions of the empty board."""
    from hrm_rl.puzzles.toys.queens.generate import complete  # which loads numba, 0.2 s

    empty_L = np.zeros(size * size, dtype=np.uint8)
    found_AL = np.stack(complete(empty_L, size, limit=10**6)[0]) + np.uint8(QUEEN - 1)
    found_AL.flags.writeable = False  # one array for all callers
    return found_AL


def nearest(
    task: Task,
    x_BL: Integer[Tensor, "B L"],
    logits_BLV: Float[Tensor, "B L V"],
    y_BL: Integer[Tensor, "B L"],
) -> Integer[Tensor, "B L"]:
    """The solution with the puzzle's queens that is the likeliest by the logits, cell by cell.

    Where the prediction is itself an answer, it is that. Nothing is read from the device.

    Args:
        y_BL: what is kept where no solution fits, as in rows of PAD.
    """
    answers_AL = torch.from_numpy(every(task.rows).copy()).to(x_BL.device)
    log_p_BLV = logits_BLV.detach().float().log_softmax(-1)
    one_hot_ALV = F.one_hot(answers_AL.long(), logits_BLV.shape[-1]).float()
    likely_BA = log_p_BLV.flatten(1) @ one_hot_ALV.flatten(1).T
    lost_BA = (x_BL == QUEEN).float() @ (answers_AL != QUEEN).float().T
    fits_BA = (lost_BA == 0) & (x_BL != 0).all(1, keepdim=True)
    best_B = likely_BA.masked_fill(~fits_BA, -torch.inf).argmax(1)
    return torch.where(fits_BA.any(1, keepdim=True), answers_AL[best_B].to(y_BL.dtype), y_BL)
