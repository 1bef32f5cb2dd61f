"""Evaluation that really stops early: puzzles that halted leave the batch.

Shapes: B puzzles in the batch, P puzzles in all, T tokens.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from hrm_rl import features, loop
from hrm_rl.checks.numbers import choice, flag, whole
from hrm_rl.checks.progress import bar as progress_bar
from hrm_rl.device import lighten, shelter
from hrm_rl.halting import HALT, MOST, SEEDS, Halted, Policy, begun, decide
from hrm_rl.loop import batch_of
from hrm_rl.models import Model
from hrm_rl.models.drawn import seeds
from hrm_rl.puzzles import PuzzleSet, task_of, verdicts
from hrm_rl.puzzles.verdicts import valid_optimal


@dataclass(frozen=True)
class Answered(Halted):
    """Where a policy halted on each puzzle, and whether its answer was right by both verdicts."""

    valid_P: Bool[Tensor, " P"]
    """By the rules (`verdicts.valid_optimal`), though perhaps not the stored solution."""


@shelter()
@lighten("batch_size")
def evaluate(
    model: Model,
    puzzles: PuzzleSet,
    policy: Policy,
    max_segments: int,
    *,
    early_exit: bool = True,
    batch_size: int = 256,
    progress: bool = False,
    seed: int = 0,
) -> Answered:
    """Solve every puzzle, halting where `policy` says so, at `max_segments` at the latest.

    Args:
        early_exit: the places of halted puzzles are taken by puzzles that wait, and are given up
            when none does. Without it every puzzle runs to the end and the answer of the halting
            segment counts: the same result, but for rounding, for more work.
        seed: of a model that draws its states; each puzzle has a seed of its own by its number.

    Raises:
        ValueError: too little memory, an argument out of range, decisions that are not one bool for
            each row, or a policy that remembers and cannot go on without rows that left.
    """
    loop.check_reads(model, puzzles)
    early_exit = flag("early_exit", early_exit)
    max_segments = whole("max_segments", max_segments, low=1, high=MOST)
    batch_size = whole("batch_size", batch_size, low=1, high=MOST)
    seed, device = whole("seed", seed, low=0, high=SEEDS), model.device
    index_B, waiting = torch.arange(len(puzzles)).tensor_split([batch_size])
    running = _begun(policy, len(index_B))
    found = _Found(puzzles, max_segments)
    halted_B = torch.zeros(len(index_B), dtype=torch.bool)
    slots, seen = loop.fresh(model, *_dealt(puzzles, index_B, seed, device)), None
    with _bar(len(puzzles), progress) as bar:
        while len(index_B):
            before = slots
            slots, output = loop.advance(model, slots)
            seen = features.look(before, slots, output, seen)
            m_B = slots.m_B.cpu()
            last_B = m_B >= max_segments
            halts_B = (_ask(running, seen, slots.m_B, max_segments) | last_B) & ~halted_B
            found.add(index_B, halts_B, m_B, slots.batch, output.logits)
            bar.update(int(halts_B.sum()))
            halted_B |= halts_B
            leaves_B = halted_B if early_exit else last_B
            dealt_B = leaves_B & (leaves_B.cumsum(0) <= len(waiting))
            if dealt_B.any():
                index_B[dealt_B], waiting = waiting.tensor_split([int(dealt_B.sum())])
                halted_B = halted_B & ~dealt_B
                batch, seed_B = _dealt(puzzles, index_B, seed, device)
                slots = loop.deal(model, slots, batch, dealt_B.to(device), seed_B)
            stays_B = ~leaves_B | dealt_B
            if not stays_B.all():
                keep = stays_B.nonzero().squeeze(1)
                index_B, halted_B = index_B[keep], halted_B[keep]
                slots, seen = loop.take(slots, keep.to(device)), loop.take(seen, keep.to(device))
                if hasattr(running, "keep"):
                    running.keep(keep)
    return Answered(found.segment_P, found.correct_P, found.valid_P)


def _bar(puzzles: int, progress: bool) -> Any:
    """A bar that goes when it is done, so that it stands in nobody's table."""
    return progress_bar(
        total=puzzles, desc="evaluating", disable=not progress, unit="puzzle", leave=False
    )


def _dealt(
    puzzles: PuzzleSet, index_B: Tensor, seed: int, device: torch.device
) -> tuple[loop.Batch, Tensor]:
    """Some of the puzzles, and the seeds of their states."""
    return batch_of(puzzles, index_B, device), seeds(seed, index_B.to(device))


class _Found:
    """Where puzzles halted so far, and what was right there."""

    def __init__(self, puzzles: PuzzleSet, max_segments: int) -> None:
        self.task = task_of(puzzles.task)
        self.segment_P = torch.full((len(puzzles),), max_segments)
        self.correct_P = torch.zeros(len(puzzles), dtype=torch.bool)
        self.valid_P = torch.zeros_like(self.correct_P)

    def add(
        self, index_B: Tensor, halts_B: Tensor, m_B: Tensor, batch: loop.Batch, logits: Tensor
    ) -> None:
        x_BT, y_BT, _ = batch
        correct_B = verdicts.correct(logits, y_BT).cpu()
        valid_B = valid_optimal(self.task, x_BT, logits.argmax(-1), y_BT).cpu()
        self.segment_P[index_B[halts_B]] = m_B[halts_B].long()
        self.correct_P[index_B[halts_B]] = correct_B[halts_B]
        self.valid_P[index_B[halts_B]] = valid_B[halts_B]


def _begun(policy: Policy, rows: int) -> Policy:
    """The policy at the start of a batch whose rows will leave and be dealt new puzzles."""
    running = begun(policy, rows)
    if running is not policy and not hasattr(running, "keep"):
        raise ValueError(
            f"{type(policy).__name__} remembers by rows and puzzles leave the batch here; score it "
            "on a bank (bank.log_bank, bank.play)"
        )
    choice("observation of the policy", running.observation, features.OBSERVATIONS)
    return running


def _ask(policy: Policy, seen: features.Seen, m_B: Tensor, max_segments: int) -> Bool[Tensor, " B"]:
    columns_BF = features.columns(policy.observation, seen)
    time_aware = getattr(policy, "time_aware", True)
    obs_BF = features.with_time(columns_BF, m_B, max_segments, time_aware)
    return decide(policy, obs_BF, m_B).cpu()


class Solving(NamedTuple):
    """One segment of one puzzle being solved."""

    segment: int
    prediction_T: Int[Tensor, " T"]
    q_2: Float[Tensor, " 2"]
    """Q logits: halt, continue."""
    action: int
    forced: bool


@torch.no_grad()
def solve(
    model: Model,
    x_T: Integer[Tensor, " T"] | Any,
    policy: Policy,
    max_segments: int,
    puzzle_id: int = 0,
    seed: int = 0,
) -> Iterator[Solving]:
    """Solve one puzzle, segment by segment, until the policy halts or at `max_segments`.

    Args:
        seed: of a model that draws its states.

    Raises:
        ValueError: as `evaluate`.
    """
    loop.check_model(model)
    max_segments = whole("max_segments", max_segments, low=1, high=MOST)
    puzzle_id = whole("puzzle_id", puzzle_id, low=0, high=MOST)
    vocab, length = model.config.vocab, model.config.length
    if not isinstance(x_T, Tensor) or x_T.is_floating_point():
        raise ValueError(
            f"a puzzle is a tensor of whole numbers, got {x_T!r:.60}; torch.from_numpy makes one"
        )
    if x_T.shape != (length,) or x_T.min() < 0 or x_T.max() >= vocab:
        raise ValueError(
            f"the model reads {length} tokens in 0..{vocab - 1}, got {x_T.numel()} of shape "
            f"{tuple(x_T.shape)}; take a puzzle of its task ({model.config.task or 'Sudoku'})"
        )
    policy, x_BT = begun(policy, 1), x_T.long().to(model.device)[None]
    id_B = torch.full_like(x_BT[:, 0], puzzle_id)
    seed_B = torch.full_like(id_B, whole("seed", seed, low=0, high=SEEDS))
    slots, seen = loop.fresh(model, loop.Batch(x_BT, x_BT, id_B), seed_B), None
    for m in range(1, max_segments + 1):
        before = slots
        slots, output = loop.advance(model, slots)
        seen = features.look(before, slots, output, seen)
        forced = m == max_segments
        halt = forced or bool(_ask(policy, seen, slots.m_B, max_segments)[0])
        yield Solving(m, seen.prediction_BT[0].cpu(), output.q[0].float().cpu(), int(halt), forced)
        if halt == HALT:
            return


class _Evaluate(ModuleType):
    """This module, which may be called: `hrm_rl.evaluate` is both, whichever was imported first."""

    __signature__ = inspect.signature(evaluate)

    def __call__(self, *args: Any, **kwargs: Any) -> Answered:
        return evaluate(*args, **kwargs)


sys.modules[__name__].__class__ = _Evaluate
