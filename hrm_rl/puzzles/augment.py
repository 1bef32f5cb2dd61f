"""Random symmetries: another one for each puzzle of a batch, without a host read.

Suffixes: B puzzles of the batch, L cells.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import torch
from jaxtyping import Int, Integer
from torch import Tensor

from hrm_rl.puzzles import arc_augment, demos_augment, sudoku_augment, toy_augment
from hrm_rl.puzzles.task import Task


class Augmented(NamedTuple):
    """Puzzles, solutions (tokens) and identifiers after a symmetry."""

    x_BL: Integer[Tensor, "B L"]
    y_BL: Integer[Tensor, "B L"]
    id_B: Int[Tensor, " B"]


Augment = Callable[[Task, Augmented, torch.Generator | None], Augmented]


def _sudoku(task: Task, batch: Augmented, generator: torch.Generator | None) -> Augmented:
    x_BL, y_BL = sudoku_augment.augment(batch.x_BL, batch.y_BL, task.rows, generator)
    return Augmented(x_BL, y_BL, batch.id_B)


AUGMENT: Final[Mapping[str, Augment]] = MappingProxyType(
    {
        "sudoku": _sudoku,
        "maze": toy_augment.turn,
        "parity": toy_augment.shuffle_bits,
        "life": toy_augment.turn_and_shift,
        "queens": toy_augment.turn,
        "arc": arc_augment.vary,
        "demos": demos_augment.vary,
    }
)
"""How puzzles of a kind are varied in training; the others are not."""


def augment(task: Task, batch: Augmented, generator: torch.Generator | None = None) -> Augmented:
    """The same puzzles after a random symmetry of their kind, the same for puzzle and solution.

    `generator` must live on the tensors' device; None is torch's.
    """
    vary = AUGMENT.get(task.kind)
    return vary(task, batch, generator) if vary else batch
