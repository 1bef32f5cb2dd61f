"""Random symmetries: another one for each puzzle of a batch, without a host read.

Suffixes: B puzzles of the batch, L cells.
"""

from typing import Final

import torch

from hrm_rl.puzzles import dihedral
from hrm_rl.puzzles.arc import augment as arc_augment
from hrm_rl.puzzles.arc.demos import augment as demos_augment
from hrm_rl.puzzles.augmented import Augment, Augmented
from hrm_rl.puzzles.maze import augment as maze_augment
from hrm_rl.puzzles.sudoku import augment as sudoku_augment
from hrm_rl.puzzles.task import Task
from hrm_rl.puzzles.toys.life.augment import turn_and_shift
from hrm_rl.puzzles.toys.parity.augment import shuffle_bits


def _sudoku(task: Task, batch: Augmented, generator: torch.Generator | None) -> Augmented:
    x_BL, y_BL = sudoku_augment.augment(batch.x_BL, batch.y_BL, task.rows, generator)
    return Augmented(x_BL, y_BL, batch.id_B)


AUGMENT: Final[dict[str, Augment]] = {
    "sudoku": _sudoku,
    "maze": maze_augment.turn,
    "parity": shuffle_bits,
    "life": turn_and_shift,
    "queens": dihedral.turn,
    "arc": arc_augment.vary,
    "demos": demos_augment.vary,
}
"""How puzzles of a kind are varied in training; the others are not."""


def augment(task: Task, batch: Augmented, generator: torch.Generator | None = None) -> Augmented:
    """The same puzzles after a random symmetry of their kind, the same for puzzle and solution.

    `generator` must live on the tensors' device; None is torch's.
    """
    vary = AUGMENT.get(task.kind)
    return vary(task, batch, generator) if vary else batch
