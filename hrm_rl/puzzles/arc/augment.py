"""ARC puzzles varied as they are dealt: a variant of the task with its identifier, and a shift.

Suffixes: B puzzles of the batch, L cells of the board, S one side of it, V = variants + 1, C tokens.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hrm_rl.puzzles.arc.rules import EOS, FIRST_COLOUR, PAD, Arc
from hrm_rl.puzzles.arc.symmetry import TURNS, symmetries
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.task import PuzzleError, Task

STILL = 0.25
"""Probability that a puzzle stays at the top left, where those to be solved will be.

The public code leaves one of a task's three to four pairs there."""


def vary(task: Task, batch: Augmented, generator: torch.Generator | None = None) -> Augmented:
    """Questions, answers (tokens) and identifiers of random variants, shifted on the board.

    All variants are equally likely. The identifiers given are those of tasks as they are (variant 0).
    """
    if not isinstance(task, Arc):
        raise PuzzleError(f"these are the symmetries of ARC, got a puzzle of {task.task}")
    device = batch.x_BL.device

    def random() -> Tensor:
        return torch.rand(len(batch.id_B), generator=generator, device=device)

    k_B = (random() * (task.variants + 1)).long().clamp(max=task.variants)
    still_B, down_B, right_B = random() < STILL, random(), random()
    x_size_B2, y_size_B2 = (turned_size(task, t, k_B) for t in (batch.x_BL, batch.y_BL))
    room_B2 = task.side - torch.maximum(x_size_B2, y_size_B2)
    shift_B2 = (torch.stack([down_B, right_B], 1) * (room_B2 + 1)).long().minimum(room_B2)
    shift_B2 = torch.where(still_B[:, None], 0, shift_B2)
    return batch._replace(
        x_BL=moved(task, batch.x_BL, x_size_B2, k_B, shift_B2),
        y_BL=moved(task, batch.y_BL, y_size_B2, k_B, shift_B2),
        id_B=batch.id_B + k_B,
    )


@cache
def _table(variants: int, device: torch.device) -> tuple[Bool[Tensor, "V 3"], Int[Tensor, "V C"]]:
    """The turn of each variant, as in `TURNS`, and the new token of each token."""
    every = symmetries(variants)
    turns = torch.tensor([TURNS[symmetry.turn] for symmetry in every], device=device)
    colours = np.array([symmetry.colours for symmetry in every])
    named = np.hstack([np.tile([PAD, EOS], (len(every), 1)), colours + FIRST_COLOUR])
    return turns, torch.from_numpy(named).long().to(device)


def _extent(task: Arc, tokens_BL: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 2) first row and column of the grids, and (B, 2) their rows and columns."""
    coloured_BSS = tokens_BL.view(-1, task.side, task.side) >= FIRST_COLOUR
    lines_B2S = torch.stack([coloured_BSS.any(2), coloured_BSS.any(1)], 1).long()
    return lines_B2S.argmax(2), lines_B2S.sum(2)


def turned_size(task: Arc, tokens_BL: Tensor, k_B: Tensor) -> Tensor:
    """(B, 2) rows and columns of the grids once they are turned."""
    _, size_B2 = _extent(task, tokens_BL)
    transposed_B1 = _table(task.variants, tokens_BL.device)[0][k_B, :1]
    return torch.where(transposed_B1, size_B2.flip(1), size_B2)


def moved(task: Arc, tokens_BL: Tensor, new_B2: Tensor, k_B: Tensor, shift_B2: Tensor) -> Tensor:
    """The boards of the varied grids, of size `new_B2`, with their first cells at `shift_B2`."""
    side, device = task.side, tokens_BL.device
    turns_V3, names_VC = _table(task.variants, device)
    first_B2, size_B2 = _extent(task, tokens_BL)
    line_S = torch.arange(side, device=device)
    row_BS1 = (line_S - shift_B2[:, :1])[:, :, None]
    column_B1S = (line_S - shift_B2[:, 1:])[:, None, :]
    transposed, rows_back, columns_back = turns_V3[k_B].T[:, :, None, None]
    old_row = torch.where(transposed, column_B1S, row_BS1)
    old_column = torch.where(transposed, row_BS1, column_B1S)
    height, width = size_B2.T[:, :, None, None]
    old_row = torch.where(rows_back, height - 1 - old_row, old_row) + first_B2[:, :1, None]
    old_column = torch.where(columns_back, width - 1 - old_column, old_column)
    old_column = old_column + first_B2[:, 1:, None]
    old_BSS = old_row.clamp(0, side - 1) * side + old_column.clamp(0, side - 1)

    kept_BL = tokens_BL.long().gather(1, old_BSS.flatten(1))
    named_BSS = names_VC[k_B].gather(1, kept_BL).view(-1, side, side)
    new_height, new_width = new_B2.T[:, :, None, None]
    in_rows, in_columns = _within(row_BS1, new_height), _within(column_B1S, new_width)
    below = (row_BS1 == new_height) & in_columns
    right = (column_B1S == new_width) & in_rows
    board_BSS = torch.where(below | right, EOS, PAD)
    board_BSS = torch.where(in_rows & in_columns, named_BSS, board_BSS)
    return board_BSS.flatten(1).to(tokens_BL.dtype)


def _within(line: Tensor, size: Tensor) -> Tensor:
    return (line >= 0) & (line < size)
