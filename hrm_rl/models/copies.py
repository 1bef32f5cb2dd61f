"""Copies of a puzzle: from other starts or, of a model that draws none, looking otherwise.

Noise alone is no other start: copies by a model that has it look otherwise, if they are Sudokus, and each
has noise of its own.

Where there are K of each puzzle, row i is copy i % K of puzzle i // K, and copy 0 is the puzzle as it is.
What another copy looks like follows from the puzzle's number in its set and from its own number, so that
a bank, an environment and one puzzle alone see the same.

Shapes: B rows, T tokens.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int, Integer
from torch import Tensor

from hrm_rl.checks.numbers import whole
from hrm_rl.models.drawn import draws, splitmix64, starts, uniform
from hrm_rl.puzzles import PuzzleSet, Task, task_of
from hrm_rl.puzzles.sudoku.augment import Symmetry, drawn_by
from hrm_rl.puzzles.sudoku.rules import Sudoku

MOST = 2**10
"""The most copies of a puzzle: more are a slip."""


class Copies(NamedTuple):
    """What makes rows copies of their puzzles."""

    seed_B: Int[Tensor, " B"]
    """What a model that draws is to draw by."""
    symmetry: Symmetry | None
    """How boards look; None: as they are."""

    def seen(self, tokens_BT: Integer[Tensor, "B T"]) -> Integer[Tensor, "B T"]:
        """Boards as they are shown to the model."""
        return tokens_BT if self.symmetry is None else self.symmetry.seen(tokens_BT)

    def back(self, tokens_BT: Integer[Tensor, "B T"]) -> Integer[Tensor, "B T"]:
        """What the model wrote, as answers to the puzzles themselves."""
        return tokens_BT if self.symmetry is None else self.symmetry.back(tokens_BT)


def repeated(model: object, puzzles: PuzzleSet, copies: int) -> PuzzleSet:
    """Each puzzle as often as there are to be copies of it.

    Raises:
        ValueError: no copies, or several of a puzzle that is no Sudoku, by a model that starts alike.
    """
    if whole("copies", copies, low=1, high=MOST) == 1:
        return puzzles
    if not draws(model) and not isinstance(task_of(puzzles.task), Sudoku):
        raise ValueError(
            f"this model starts every copy alike, and {puzzles.task} has no other looks; take one with "
            'start="random" or noise, or a Sudoku'
        )
    return puzzles.take(np.arange(len(puzzles)).repeat(copies))


def copies_of(
    model: object,
    task: Task,
    row_B: Int[Tensor, " B"],
    copies: int,
    seed_B: Int[Tensor, " B"],
) -> Copies:
    """What these rows are, without a host read.

    Args:
        seed_B: what copy 0 of each row's puzzle draws by.
    """
    puzzle_B, copy_B = row_B.long() // copies, row_B.long() % copies
    own_B = torch.where(copy_B > 0, splitmix64(seed_B, copy_B), seed_B)
    if copies == 1 or starts(model) or not isinstance(task, Sudoku):
        return Copies(own_B, None)
    symmetry = _symmetry(splitmix64(puzzle_B, copy_B), task.size)
    return Copies(own_B, _but_where(copy_B == 0, symmetry))


def _symmetry(key_B: Int[Tensor, " B"], size: int) -> Symmetry:
    """Uniform over the group, by a key for each row."""
    drawn = 0

    def random(*shape: int) -> Tensor:
        nonlocal drawn
        count_X = drawn + torch.arange(math.prod(shape), device=key_B.device)
        drawn += len(count_X)
        return uniform(key_B[:, None], count_X).view(-1, *shape) / 2 + 0.5

    return drawn_by(random, size)


def _but_where(same_B: Bool[Tensor, " B"], symmetry: Symmetry) -> Symmetry:
    """The symmetry, but none where marked."""
    return Symmetry(
        *(
            torch.where(same_B[:, None], torch.arange(part.shape[1], device=part.device), part)
            for part in symmetry
        )
    )
