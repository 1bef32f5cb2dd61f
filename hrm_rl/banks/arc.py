"""Evaluation on ARC: what a model answers to every variant of every question, turned back.

All segments of all variants are logged (`bank.log_bank`), so that one run tells what any halting
policy and any way of voting come to.

Suffixes: P variants, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from hrm_rl.banks.bank import Bank, log_bank, observe, play
from hrm_rl.checks.numbers import whole
from hrm_rl.halting import Policy
from hrm_rl.models import Model
from hrm_rl.puzzles.arc.evaluate import Asked, Solved
from hrm_rl.puzzles.arc.rules import arc_of
from hrm_rl.puzzles.arc.vote import Answer
from hrm_rl.puzzles.sets import concat
from hrm_rl.puzzles.task import PuzzleError


def solve(
    model: Model,
    questions: Iterable[Asked],
    policy: Policy,
    max_segments: int,
    *,
    batch_size: int = 256,
    progress: bool = False,
) -> Iterator[Solved]:
    """What every variant answers where `policy` halts it; pairs are done together while they are few.

    Raises:
        PuzzleError: an identifier that the model has no embedding for.
        ValueError: a number below 1.
    """
    whole("max_segments", max_segments, low=1)
    whole("batch_size", batch_size, low=1)
    for together in _together(questions, batch_size):
        puzzles = concat([question.puzzles for question in together])
        known = model.puzzle_emb.weights.shape[0]
        if model.config.prefix and puzzles.ids_P.max() >= known:
            raise PuzzleError(
                f"the model has embeddings for {known} identifiers, and the puzzles have number "
                f"{puzzles.ids_P.max()}; evaluate it on the tasks that it was trained on"
            )
        bank = log_bank(
            model, puzzles, max_segments, observations=tuple({"scalars", policy.observation} - {"q"}),
            batch_size=batch_size, progress=progress,
        )  # fmt: skip
        answers, correct_P = _answers(bank, policy, together)
        ends = np.cumsum([len(question.puzzles) for question in together])
        for question, end in zip(together, ends, strict=True):
            of = slice(end - len(question.puzzles), end)
            yield Solved(question, answers[of], correct_P[of])


def _together(questions: Iterable[Asked], batch_size: int) -> Iterator[list[Asked]]:
    """Pairs until their variants fill a batch."""
    waiting: list[Asked] = []
    for question in questions:
        waiting.append(question)
        if sum(len(q.puzzles) for q in waiting) >= batch_size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _answers(
    bank: Bank, policy: Policy, together: Sequence[Asked]
) -> tuple[list[Answer], np.ndarray]:
    """The answers in a bank where the policy halts, turned back."""
    board = arc_of(together[0].puzzles.task)
    made_by = [symmetry for question in together for symmetry in question.symmetries]
    halted = play(bank, policy)
    at_P, p_P = halted.segment_P - 1, torch.arange(len(bank))
    prediction_PT = bank.predictions_MPT[at_P, p_P].numpy()
    q_MP2 = torch.stack([observe(bank, "q", m + 1, False) for m in range(bank.max_segments)])
    q_P2 = q_MP2[at_P, p_P].double()
    wants_P = (halted.segment_P < bank.max_segments) | (q_P2[:, 0] > q_P2[:, 1])
    rows = zip(
        made_by, prediction_PT, q_P2[:, 0].sigmoid().tolist(), halted.segment_P.tolist(),
        wants_P.tolist(), strict=True,
    )  # fmt: skip
    answers = [
        Answer(symmetry.undo(board.grid(tokens_T)), q, segment, wants)
        for symmetry, tokens_T, q, segment, wants in rows
    ]
    return answers, halted.correct_P.numpy()
