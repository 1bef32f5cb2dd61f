"""Trajectory banks: all segments of many puzzles, logged once, so that any policy is evaluated exactly.

On a frozen model the segments of a puzzle do not depend on the policy, which only chooses when to read
them. Shapes: M segments, P puzzles, F features.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from hrm_rl import features, loop
from hrm_rl.banks.header import weights_hash
from hrm_rl.banks.parts import check_finite, check_log, check_part, check_shown
from hrm_rl.checks.numbers import did_you_mean, whole
from hrm_rl.checks.progress import bar as progress_bar
from hrm_rl.device import lighten, shelter
from hrm_rl.halting import Halted, Policy, begun, decide
from hrm_rl.loop import batch_of
from hrm_rl.models import Model, ModelConfig
from hrm_rl.models.copies import Copies, copies_of, repeated
from hrm_rl.models.drawn import seeds
from hrm_rl.puzzles import PuzzleSet, task_of, verdicts


@dataclass(frozen=True)
class Bank:
    """What a frozen model shows and gets right, segment by segment.

    A bank may hold more segments than a policy is allowed: `first(16)` of a bank of 17 is the
    problem with at most 16, and the 17th is where the paper's continue target looks.
    """

    columns: Mapping[str, Float[Tensor, "M P F"]]
    """Observation sets by name, without the segment number."""
    correct_MP: Bool[Tensor, "M P"]
    cells_MP: Float[Tensor, "M P"]
    """Share of the cells that are right."""
    predictions_MPT: UInt8[Tensor, "M P T"]
    """uint8 tokens."""
    rating_P: Int[Tensor, " P"]
    cluster_P: Int[Tensor, " P"]
    """Puzzles with one number are copies of one base puzzle: resamples draw them together."""
    puzzles: PuzzleSet | None = None
    """What was solved; None for a synthetic bank, whose answers are one token, right if 1."""
    config: ModelConfig | None = None
    """Of the model, if there was one: it bounds what can be observed."""
    copies: int = 1
    """Rows of each puzzle, side by side: row i is copy i % copies of puzzle i // copies."""
    weights: str = ""
    """`header.weights_hash` of the model; "" if there was none, or nothing is known of it."""
    _finite: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """Columns that were found to be finite (`checked`)."""

    def __post_init__(self) -> None:
        """Raises ValueError: nothing in it, or parts of other lengths than `correct_MP`.

        Shapes and dtypes alone are looked at; numbers may lie on the disk.
        """
        M, P = self.correct_MP.shape if self.correct_MP.dim() == 2 else (0, 0)
        if not (M and P):
            raise ValueError(
                "a bank holds at least one segment of one puzzle, got correct_MP of shape "
                f"{tuple(self.correct_MP.shape)}"
            )
        check_part("cells_MP", self.cells_MP, (M, P), "floats")
        check_part("predictions_MPT", self.predictions_MPT, (M, P), "whole numbers", inner=True)
        check_part("rating_P", self.rating_P, (P,), "whole numbers")
        check_part("cluster_P", self.cluster_P, (P,), "whole numbers")
        check_part("correct_MP", self.correct_MP, (M, P), "bools")
        for name, part in self.columns.items():
            check_part(f'column "{name}"', part, (M, P), "floats", inner=True)
        if P % whole("copies", self.copies, low=1):
            raise ValueError(
                f"a bank of {self.copies} copies has as many rows of each puzzle, got {P}"
            )
        if self.puzzles is not None and len(self.puzzles) != P:
            raise ValueError(f"a bank of {P} puzzles must hold as many, got {len(self.puzzles)}")

    @property
    def max_segments(self) -> int:
        return self.correct_MP.shape[0]

    def __len__(self) -> int:
        """Number of puzzles."""
        return self.correct_MP.shape[1]

    @property
    def solutions_PT(self) -> UInt8[Tensor, "P T"]:
        if self.puzzles is None:
            return torch.ones_like(self.predictions_MPT[0])
        return torch.from_numpy(self.puzzles.solutions_PL).to(self.predictions_MPT.device)

    def first(self, max_segments: int) -> Bank:
        """The problem with at most `max_segments` segments; shares memory with this bank.

        Raises:
            ValueError: fewer segments were logged.
        """
        max_segments = whole("max_segments", max_segments)
        if not 1 <= max_segments <= self.max_segments:
            raise ValueError(
                f"max_segments must be in 1..{self.max_segments}, the segments in the bank, "
                f"got {max_segments}; lower it or log a longer bank"
            )
        part = replace(
            self,
            columns={name: part[:max_segments] for name, part in self.columns.items()},
            correct_MP=self.correct_MP[:max_segments],
            cells_MP=self.cells_MP[:max_segments],
            predictions_MPT=self.predictions_MPT[:max_segments],
        )
        return known(part, self)


_CELLS = "cells_MP"

# --- checks ---------------------------------------------------------------------------------------


def checked(bank: Any, *names: str) -> Bank:
    """The bank, which is one, and whose columns `names` are finite; each is looked through once.

    One pass at the speed of memory, 2 ms for 10 MiB; a column that lies on the disk is read.

    Raises:
        ValueError: something else than a bank, or a number that is nan or infinite.
    """
    if not isinstance(bank, Bank):
        cure = "hrm_rl.banks.files.read_bank reads one, and log_bank of a model makes one"
        got = type(bank).__name__
        if isinstance(bank, (str, os.PathLike)) and (got := repr(str(bank))[:80]):
            cure = f"hrm_rl.banks.files.read_bank({got}) reads it"
        raise ValueError(f"a bank is wanted, got {got}; {cure}")
    for name in {*names, _CELLS} - bank._finite if names else ():
        check_finite(name, bank.cells_MP[..., None] if name == _CELLS else bank.columns[name])
        bank._finite.add(name)
    return bank


def known(part: Bank, whole_bank: Bank) -> Bank:
    """A part of a bank, of which is known what is known of the whole."""
    part._finite.update(whole_bank._finite)
    return part


# --- logging and playing --------------------------------------------------------------------------


def log_bank(
    model: Model,
    puzzles: PuzzleSet,
    max_segments: int,
    *,
    observations: tuple[str, ...] = ("scalars",),
    batch_size: int = 256,
    copies: int = 1,
    progress: bool = False,
) -> Bank:
    """Run every puzzle for `max_segments` segments and keep what can be seen of each, in memory.

    A model that draws its states draws those of `evaluate` with its seed 0. `files.log_to` keeps the
    bank on disk.

    Args:
        copies: of each puzzle (`models.copies`), whose answers are turned back.

    Raises:
        ValueError: nothing to log (`check_log`), a model that shows nan or has no copies.
    """
    check_log(model, puzzles, max_segments, observations, batch_size)
    puzzles = repeated(model, puzzles, copies)
    batches = logged(
        model, puzzles, max_segments, observations=observations, batch_size=batch_size,
        copies=copies, progress=progress,
    )  # fmt: skip
    parts = list(batches)
    whole = {key: torch.cat([part[key] for part in parts], dim=1) for key in parts[0]}
    return Bank(
        columns={name: whole[f"columns.{name}"] for name in observations},
        correct_MP=whole["correct"],
        cells_MP=whole["cells"],
        predictions_MPT=whole["predictions"],
        rating_P=torch.from_numpy(puzzles.ratings_P).long(),
        cluster_P=torch.arange(len(puzzles)) // copies,
        puzzles=puzzles,
        config=model.config,
        copies=copies,
        weights=weights_hash(model) if hasattr(model, "state_dict") else "",
    )


@torch.no_grad()
def logged(
    model: Model,
    puzzles: PuzzleSet,
    max_segments: int,
    *,
    observations: tuple[str, ...],
    batch_size: int,
    copies: int = 1,
    rows: Sequence[int] | np.ndarray | None = None,
    progress: bool = False,
    title: str = "logging segments",
) -> Iterator[dict[str, Tensor]]:
    """What a bank holds of each batch of puzzles in turn, by name, as (M, B, ...) on the CPU.

    Args:
        observations: each adds "columns.<name>".
        copies: row i of the puzzles is copy i % copies of puzzle i // copies.
        rows: which are to be logged; all if None. Where some were logged before, a multiple of
            `batch_size`, the batches, and with them the roundings, stay the same.

    Raises:
        ValueError: nothing to log (`check_log`), or a model that shows nan.
    """
    max_segments, batch_size = check_log(model, puzzles, max_segments, observations, batch_size)
    row_P = torch.from_numpy(np.asarray(range(len(puzzles)) if rows is None else rows, np.int64))
    total, task = len(row_P) * max_segments, task_of(puzzles.task)
    with progress_bar(total=total, desc=title, disable=not progress, unit="seg") as bar:
        for row_B in row_P.split(batch_size):
            batch, at_B = batch_of(puzzles, row_B, model.device), row_B.to(model.device)
            own = copies_of(model, task, at_B, copies, seeds(0, at_B // copies))
            yield check_shown(_run(model, batch, own, max_segments, observations, bar.update))


@shelter()
@lighten("batch_size")
def _run(
    model: Model,
    batch: loop.Batch,
    own: Copies,
    max_segments: int,
    observations: tuple[str, ...],
    progress: Callable[[int], object],
) -> dict[str, Tensor]:
    """What a bank holds of one batch, which is thought about to the end."""
    rows, seen = defaultdict[str, list[Tensor]](list), None
    slots = loop.fresh(model, batch._replace(x_BT=own.seen(batch.x_BT)), own.seed_B)
    for _ in range(max_segments):
        before = slots
        slots, output = loop.advance(model, slots)
        seen = features.look(before, slots, output, seen)
        y_BT, prediction_BT = slots.batch.y_BT, own.back(seen.prediction_BT)
        rows["correct"].append(verdicts.exact(prediction_BT, y_BT))
        rows["cells"].append(verdicts.token_accuracy(prediction_BT, y_BT))
        rows["predictions"].append(prediction_BT.to(torch.uint8))
        for name in observations:
            rows[f"columns.{name}"].append(features.columns(name, seen))
        progress(len(y_BT))
    return {key: torch.stack(value).cpu() for key, value in rows.items()}


def observe(bank: Bank, name: str, segment: int, time_aware: bool = True) -> Float[Tensor, "P F"]:
    """What a policy with observation set `name` sees of every puzzle after `segment` (from 1).

    Raises:
        ValueError: a set or a segment that was not logged, or numbers that are not finite.
    """
    segment = whole("segment", segment, low=1, high=checked(bank).max_segments)
    stored = "scalars" if name == "q" and "scalars" in bank.columns else name
    if stored not in bank.columns:
        logged_with = ", ".join(bank.columns) or "no observations"
        near = did_you_mean(name, bank.columns)
        raise ValueError(
            f'this bank was logged with {logged_with}, not with "{name}"; '
            f"{near or 'observe what is there, or log it again'}"
        )
    columns = checked(bank, stored).columns[stored][segment - 1]
    if stored != name:
        columns = columns[:, :2]
    columns = columns.float() if columns.dtype == torch.float16 else columns  # states on disk
    m_P = torch.full((len(bank),), segment)
    return features.with_time(columns, m_P, bank.max_segments, time_aware)


def play(bank: Bank, policy: Policy) -> Halted:
    """Let a policy choose on every puzzle, segment by segment; at the last segment it is forced to halt.

    One that remembers (`halting.begun`) is shown every segment, also those after it halted.

    Raises:
        ValueError: no bank or policy, a bank that lacks what it sees or holds nan, or no bool a puzzle.
    """
    policy = begun(policy, len(checked(bank)))
    segment_P = torch.ones(len(bank), dtype=torch.int64)
    alive_P = torch.ones(len(bank), dtype=torch.bool)
    for segment in range(1, bank.max_segments):
        obs_PF = observe(bank, policy.observation, segment, getattr(policy, "time_aware", True))
        alive_P &= ~decide(policy, obs_PF, torch.full((len(bank),), segment))
        segment_P += alive_P
    return Halted(segment_P, bank.correct_MP[segment_P - 1, torch.arange(len(bank))])
