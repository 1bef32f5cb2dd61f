"""Random symmetries of parity, another one for each puzzle of a batch, without a host read.

Suffixes: B puzzles of the batch, L cells.
"""

import torch

from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.task import Task

NOTHING = 1


def shuffle_bits(task: Task, batch: Augmented, generator: torch.Generator | None) -> Augmented:
    """Parity: the bits in another order. The answer does not depend on it."""
    x_BL = batch.x_BL
    key_BL = torch.rand(x_BL.shape, generator=generator, device=x_BL.device)
    order_BL = (key_BL + (x_BL == NOTHING)).argsort(1)  # what is empty stays behind
    return batch._replace(x_BL=x_BL.gather(1, order_BL))
