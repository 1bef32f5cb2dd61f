"""Banks with several copies of each puzzle: their rows, and by what their answers are compared.

Row i of such a bank is copy i % K of puzzle i // K, and copy 0 is the puzzle as it is. All copies of
a puzzle are one cluster. Their answers are turned back, so that inputs and solutions repeat.

Shapes: M segments, P rows, Q rows taken, K copies.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl import features
from hrm_rl.banks.bank import Bank, checked, known, observe
from hrm_rl.checks.numbers import choice
from hrm_rl.puzzles import task_of
from hrm_rl.puzzles.sudoku.verdict import check_verifies, verified


def scores(bank: Bank, recall: str) -> Float[Tensor, "M P"]:
    """What every answer is worth keeping by, float32 (`features.score`).

    Raises:
        ValueError: no such recall, a bank without Q logits, or answers that do not check themselves.
    """
    choice("recall", recall, features.RECALLS)
    if not {"q", "scalars"} & checked(bank).columns.keys():
        raise ValueError(
            f"recall compares answers by their Q logits, and this bank has "
            f"{', '.join(bank.columns) or 'no columns'}; log one with scalars"
        )
    q_MP = torch.stack(
        [observe(bank, "q", m, time_aware=False)[:, 0] for m in range(1, bank.max_segments + 1)]
    )
    if recall != "verified":
        return features.score(q_MP)
    if bank.puzzles is None:
        raise ValueError(
            'recall="verified" checks answers by the rules of a puzzle, and a synthetic bank has '
            'none; take "best-q"'
        )
    game = check_verifies(task_of(bank.puzzles.task))
    x_PT = torch.from_numpy(bank.puzzles.inputs_PL)
    found = [verified(game, x_PT, prediction_PT.cpu()) for prediction_PT in bank.predictions_MPT]
    return features.score(q_MP, torch.stack(found).to(q_MP.device))


def check_restarts(bank: Bank, restarts: int) -> None:
    """Refuse more restarts than the bank has copies for.

    Raises:
        ValueError: it is too small.
    """
    if restarts >= bank.copies:
        raise ValueError(
            f"restarts must be < {bank.copies}, the copies of each puzzle in the bank, got {restarts}; "
            f"lower it, or log a bank with `hrm-rl bank --copies {restarts + 1}`"
        )


def originals(bank: Bank) -> Bank:
    """The bank of copy 0 of each puzzle: as if the others had not been logged. Shares memory."""
    if bank.copies == 1:
        return bank
    return at_rows(bank, slice(None, None, bank.copies), copies=1)


def at_rows(bank: Bank, which: slice | Int[Tensor, " Q"], copies: int) -> Bank:
    """The bank of some rows, of which `copies` side by side are one puzzle. A slice shares memory."""
    part = replace(
        bank,
        copies=copies,
        columns={name: part[:, which] for name, part in bank.columns.items()},
        correct_MP=bank.correct_MP[:, which],
        cells_MP=bank.cells_MP[:, which],
        predictions_MPT=bank.predictions_MPT[:, which],
        rating_P=bank.rating_P[which],
        cluster_P=bank.cluster_P[which],
        puzzles=None
        if bank.puzzles is None
        else bank.puzzles.take(torch.arange(len(bank))[which].numpy()),
    )
    return known(part, bank)
