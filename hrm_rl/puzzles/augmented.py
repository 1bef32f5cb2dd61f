"""Puzzles as symmetries take and give them; which kind has which symmetries is in `augment`.

Suffixes: B puzzles of the batch, L cells.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Int, Integer
from torch import Tensor

from hrm_rl.puzzles.task import Task


class Augmented(NamedTuple):
    """Puzzles, solutions (tokens) and identifiers after a symmetry."""

    x_BL: Integer[Tensor, "B L"]
    y_BL: Integer[Tensor, "B L"]
    id_B: Int[Tensor, " B"]


Augment = Callable[[Task, Augmented, torch.Generator | None], Augmented]
