"""A model that knows three copies of each of eight puzzles by heart, its bank, and banks drawn at random."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium.utils.env_checker import data_equivalence
from scripted import NEVER, PUZZLES, Scripted, tiny_hrm

from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.models.copies import copies_of, repeated
from hrm_rl.puzzles import PuzzleSet, task_of

K = 3
RIGHT_FROM = (3, 1, 2, 9, 2, NEVER, 1, 5, 3, 2, 2, 2, NEVER, 4, 1, 1, 3, 1, *[NEVER] * 3, 4, 4, 1)


def scripted() -> Any:
    """Knows each copy of each puzzle, and answers it rightly from a segment of its own on."""
    rows, row_B = repeated(tiny_hrm(), PUZZLES, K), torch.arange(8 * K)
    own = copies_of(object(), task_of(PUZZLES.task), row_B, K, 0 * row_B)
    x_PL, y_PL = (
        own.seen(torch.from_numpy(tokens)).numpy() for tokens in (rows.inputs_PL, rows.solutions_PL)
    )
    turned = PuzzleSet(rows.task, x_PL, y_PL, rows.ratings_P, rows.sources)
    return Scripted(turned, RIGHT_FROM)


MODEL = scripted()
BANK = log_bank(MODEL, PUZZLES, 7, copies=K)
ARGUMENTS: dict[str, Any] = {"restarts": 2, "max_segments": 5, "step_cost": 0.1}


def drawn(seed: int, copies: int) -> Bank:
    """Numbers drawn at random; Q in quarters, so that there are ties."""
    g, M, P = torch.Generator().manual_seed(seed), 6, 4 * copies
    q_MP2 = torch.randint(-8, 9, (M, P, 2), generator=g) / 4
    return Bank(
        columns={"o": torch.randn(M, P, 3, generator=g), "q": q_MP2},
        correct_MP=torch.rand(M, P, generator=g) < 0.5,
        cells_MP=torch.rand(M, P, generator=g),
        predictions_MPT=torch.randint(0, 9, (M, P, 4), generator=g, dtype=torch.uint8),
        rating_P=torch.randint(0, 99, (4,), generator=g).repeat_interleave(copies),
        cluster_P=torch.arange(4).repeat_interleave(copies),
        copies=copies,
    )


def same(one: Any, other: Any) -> None:
    assert data_equivalence(one, other, exact=True), (one, other)
