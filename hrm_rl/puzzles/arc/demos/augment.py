"""Puzzles with demonstrations, varied as they are dealt: one symmetry for all boards of a puzzle.

Suffixes: B puzzles of the batch, L tokens of a puzzle, N boards, G cells of a board.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hrm_rl.puzzles.arc.augment import moved, turned_size
from hrm_rl.puzzles.arc.demos.rules import Demos
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.task import PuzzleError, Task


def vary(task: Task, batch: Augmented, generator: torch.Generator | None = None) -> Augmented:
    """Turned or mirrored, colours renamed; never shifted, since boards are read one by one."""
    if not isinstance(task, Demos):
        raise PuzzleError(f"these are puzzles with demonstrations, got {task.task}")
    B = len(batch.id_B)
    random_B = torch.rand(B, generator=generator, device=batch.x_BL.device)
    k_B = (random_B * (task.board.variants + 1)).long().clamp(max=task.board.variants)

    def all_boards(tokens_BL: Tensor) -> Tensor:
        flat = tokens_BL.view(B * task.boards, -1)
        k = k_B.repeat_interleave(task.boards)
        size = turned_size(task.board, flat, k)
        return moved(task.board, flat, size, k, torch.zeros_like(size)).view(B, -1)

    return batch._replace(x_BL=all_boards(batch.x_BL), y_BL=all_boards(batch.y_BL))
