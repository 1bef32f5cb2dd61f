"""Evaluation on ARC as published: every asked pair in all its variants, turned back, voted.

All segments of all variants are logged (`bank.log_bank`), so that one run tells what any halting
policy and any way of voting come to.

Suffixes: P variants, T tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from hrm_rl.arc_vote import Answer, Result, Verdict, ranked
from hrm_rl.bank import Bank, log_bank, observe, play
from hrm_rl.halting import Policy
from hrm_rl.models import Model
from hrm_rl.puzzles.arc import arc_of
from hrm_rl.puzzles.arc_data import Collection, puzzle_set
from hrm_rl.puzzles.arc_symmetry import Symmetry, distinct, split_name, symmetries
from hrm_rl.puzzles.arc_tasks import Pair
from hrm_rl.puzzles.sets import PuzzleSet, concat
from hrm_rl.puzzles.task import PuzzleError

T = TypeVar("T")


class Asked(NamedTuple):
    """One asked pair in all its variants."""

    task: str
    number: int
    """Which of the task's asked pairs."""
    pair: Pair
    puzzles: PuzzleSet
    """The variants,"""
    symmetries: Sequence[Symmetry]
    """and what made each of them."""


def asked(found: Collection, variants: int | None = None, limit: int = 0) -> Iterator[Asked]:
    """The pairs that a collection asks for, in as many variants as there are, none twice.

    Args:
        variants: take only so many beside the pair itself.
        limit: take only so many pairs, evenly spread (0: all).

    Raises:
        PuzzleError: the model is not asked in more variants than it has identifiers for.
    """
    most = found.board.variants
    if not 0 <= (variants := most if variants is None else variants) <= most:
        raise PuzzleError(f"variants must be 0 to {most}, got {variants}: so many have identifiers")
    pairs = [(task, i) for task in found.evaluation for i in range(len(task.test))]
    for task, i in _spread(pairs, limit):
        numbers = distinct([grid for pair in task.pairs for grid in pair], variants)
        made_by = [symmetries(variants)[k] for k in numbers]
        pair = task.test[i]
        puzzles = puzzle_set(
            found.board,
            [Pair(*(symmetry.apply(grid) for grid in pair)) for symmetry in made_by],
            [f"{task.name}_{symmetry.name}" for symmetry in made_by],
            [found.identifier(task.name, k) for k in numbers],
        )
        yield Asked(task.name, i, pair, puzzles, made_by)


def asked_in(puzzles: PuzzleSet, limit: int = 0) -> Iterator[Asked]:
    """The same of a data set that the public scripts wrote, which names the variants."""
    board = arc_of(puzzles.task)
    rows: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    of_task: dict[str, list[bytes]] = defaultdict(list)
    for row, (name, tokens_T) in enumerate(zip(puzzles.sources, puzzles.inputs_PL, strict=True)):
        task, symmetry = split_name(name)
        grid = symmetry.undo(board.grid(tokens_T))
        key = bytes(grid.shape) + grid.tobytes()
        if key not in of_task[task]:
            of_task[task].append(key)
        rows[task, key].append(row)
    for (task, key), found in _spread(list(rows.items()), limit):
        made_by = [split_name(puzzles.sources[row])[1] for row in found]
        question, answer = (
            made_by[0].undo(board.grid(tokens_PT[found[0]]))
            for tokens_PT in (puzzles.inputs_PL, puzzles.solutions_PL)
        )
        number = of_task[task].index(key)
        yield Asked(task, number, Pair(question, answer), puzzles.take(found), made_by)


def _spread(items: Sequence[T], limit: int) -> list[T]:
    """So many of them, evenly spread; 0: all."""
    if not 0 < limit < len(items):
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]


class Solved(NamedTuple):
    """An asked pair, and what its variants got."""

    asked: Asked
    answers: Sequence[Answer]
    correct_P: np.ndarray
    """Whether each variant's answer was right, cell by cell, where it halted."""


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
    """
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


def voted(solved: Iterable[Solved], way: str = "count") -> Result:
    """The result of an election over what the variants answered."""
    return Result(
        tuple(
            Verdict(
                one.asked.task, one.asked.number, one.asked.pair.answer, ranked(one.answers, way)
            )
            for one in solved
        )
    )
