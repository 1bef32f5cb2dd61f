"""Segments of puzzles that may be restarted: the next copy of each, and the answer that is kept of all.

A source of rows, each a copy of a puzzle (K of each, row = K puzzle + copy), becomes one of puzzles. What
is seen is the present segment, and what a halt gives is the answer kept by the score (`features.keeps`).

Shapes: B rows, T tokens, F features, R numbers of a column.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl import features, loop
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.copies import check_restarts, scores
from hrm_rl.envs.banked import BankLook, BankSegments
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.reward import Outcome
from hrm_rl.envs.segments import (
    FrozenModel,
    LiveLook,
    LiveRows,
    LiveSegments,
    Pictured,
    Segments,
    Shown,
)
from hrm_rl.loop import select
from hrm_rl.models.copies import Copies, copies_of, repeated
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.sudoku.verdict import check_verifies, verified


class Scored(Segments, Protocol):
    """A source of copies."""

    def score(self, look: Any) -> Float[Tensor, " B"]:
        """What the answers are kept by."""


class BankCopies(BankSegments):
    """Copies that were logged."""

    def __init__(self, bank: Bank, mdp: MDP, device: torch.device | None = None) -> None:
        """Raises ValueError: too few copies, answers that cannot be compared, or as `BankSegments`."""
        check_restarts(bank, mdp.restarts)
        super().__init__(bank, replace(mdp, time_aware=False), device)
        self.score_R = self.layout.list(scores(bank, mdp.recall).to(self.device))

    def score(self, look: BankLook) -> Float[Tensor, " B"]:
        return self.score_R.index_select(0, look.place_B)


class LiveCopies(LiveSegments):
    """Copies that a frozen model thinks about; their answers are turned back."""

    def __init__(self, model: FrozenModel, puzzles: PuzzleSet, mdp: MDP) -> None:
        """Raises ValueError: puzzles that have no copies or do not verify, or as `LiveSegments`."""
        self.copies = mdp.restarts + 1
        rows = repeated(model, puzzles, self.copies)
        super().__init__(model, rows, replace(mdp, time_aware=False))
        self.checks = check_verifies(self.task) if mdp.recall == "verified" else None

    def _own(self, row_B: Int[Tensor, " B"], seed_B: Int[Tensor, " B"]) -> Copies:
        return copies_of(self.model, self.task, row_B, self.copies, seed_B)

    def fresh(self, puzzle_B: Int[Tensor, " B"], seed_B: Int[Tensor, " B"]) -> LiveRows:
        return super().fresh(puzzle_B, self._own(puzzle_B, seed_B).seed_B)

    def deal(self, rows: LiveRows, puzzle_B: Tensor, seed_B: Tensor, where_B: Tensor) -> LiveRows:
        return super().deal(rows, puzzle_B, self._own(puzzle_B, seed_B).seed_B, where_B)

    def _batch(self, puzzle_B: Int[Tensor, " B"]) -> loop.Batch:
        batch = super()._batch(puzzle_B)
        return batch._replace(x_BT=self._own(puzzle_B, puzzle_B).seen(batch.x_BT))

    def look(self, rows: LiveRows) -> LiveLook:
        look, own = super().look(rows), self._own(rows.puzzle_B, rows.puzzle_B)
        return look._replace(
            prediction_BT=own.back(look.prediction_BT), previous_BT=own.back(look.previous_BT)
        )

    def score(self, look: LiveLook) -> Float[Tensor, " B"]:
        if self.checks is None:
            return features.score(look.q_B2[:, 0])
        x_BT = self.x_PT[look.puzzle_B]
        return features.score(look.q_B2[:, 0], verified(self.checks, x_BT, look.prediction_BT))


class RestartRows(NamedTuple):
    rows: Any
    """Of the source."""
    puzzle_B: Int[Tensor, " B"]
    copy_B: Int[Tensor, " B"]
    m_B: Int[Tensor, " B"]
    """Segments of all copies together."""
    seed_B: Int[Tensor, " B"]
    answer: Any
    """The source's look at the answer that is kept."""
    kept_B: Float[Tensor, " B"]
    """Its score."""


class RestartLook(NamedTuple):
    look: Any
    """At the present segment,"""
    answer: Any
    """and at the one whose answer is kept."""
    puzzle_B: Int[Tensor, " B"]
    copy_B: Int[Tensor, " B"]
    m_B: Int[Tensor, " B"]
    left_B: Int[Tensor, " B"]
    """Restarts that are left."""
    kept_B: Float[Tensor, " B"]


class Restarting:
    """Puzzles whose copies a source runs: `Segments` with restarts."""

    def __init__(self, rows: Scored, mdp: MDP, copies: int) -> None:
        """Args: copies: rows of each puzzle, more than there are restarts."""
        self.rows, self.mdp, self.copies = rows, mdp, copies
        self.device, self.cheap = rows.device, rows.cheap
        self.puzzles = rows.puzzles // copies

    def bounds(self) -> tuple[list[float], list[float]]:
        """Of the columns, the copy's number, its own segments, the kept score and the time."""
        low, high = self.rows.bounds()
        most = features.VERIFIED if self.mdp.recall == "verified" else features.Q_BOUND
        aware = self.mdp.time_aware
        for lowest, highest in [
            (0, 1),
            *[(0, 1)] * aware,
            (-features.Q_BOUND, most),
            *[(0, 1)] * aware,
        ]:
            low, high = [*low, lowest - 1e-3], [*high, highest + 1e-3]
        return low, high

    def fresh(self, puzzle_B: Int[Tensor, " B"], seed_B: Int[Tensor, " B"]) -> RestartRows:
        rows, zero_B = self.rows.fresh(puzzle_B * self.copies, seed_B), torch.zeros_like(puzzle_B)
        kept_B = torch.zeros(len(puzzle_B), dtype=torch.float32, device=self.device)
        return RestartRows(rows, puzzle_B, zero_B, zero_B, seed_B, self.rows.look(rows), kept_B)

    def deal(
        self, rows: RestartRows, puzzle_B: Tensor, seed_B: Tensor, where_B: Tensor
    ) -> RestartRows:
        inner = self.rows.deal(rows.rows, puzzle_B * self.copies, seed_B, where_B)
        return RestartRows(
            inner,
            torch.where(where_B, puzzle_B, rows.puzzle_B),
            rows.copy_B.masked_fill(where_B, 0),
            rows.m_B.masked_fill(where_B, 0),
            torch.where(where_B, seed_B, rows.seed_B),
            rows.answer,
            rows.kept_B,
        )

    def restart(self, rows: RestartRows, where_B: Bool[Tensor, " B"]) -> RestartRows:
        """The next copy where marked, if one is left; the next run is its segment 1."""
        where_B = where_B & (rows.copy_B < self.mdp.restarts)
        copy_B = rows.copy_B + where_B
        row_B = rows.puzzle_B * self.copies + copy_B
        inner = self.rows.deal(rows.rows, row_B, rows.seed_B, where_B)
        return rows._replace(rows=inner, copy_B=copy_B)

    def run(self, rows: RestartRows) -> RestartRows:
        inner, m_B = self.rows.run(rows.rows), rows.m_B + 1
        look = self.rows.look(inner)
        score_B = self.rows.score(look)
        better_B = (m_B == 1) | features.keeps(score_B, rows.kept_B, self.mdp.recall)
        return rows._replace(
            rows=inner,
            m_B=m_B,
            answer=select(better_B, look, rows.answer),
            kept_B=torch.where(better_B, score_B, rows.kept_B),
        )

    def look(self, rows: RestartRows) -> RestartLook:
        look = self.rows.look(rows.rows)
        return self.sight(look, rows.answer, rows.puzzle_B, rows.copy_B, rows.m_B, rows.kept_B)

    def sight(
        self,
        look: Any,
        answer: Any,
        puzzle_B: Tensor,
        copy_B: Tensor,
        m_B: Tensor,
        kept_B: Tensor | None = None,
    ) -> RestartLook:
        """A look, of parts that were found otherwise."""
        kept_B = self.rows.score(answer) if kept_B is None else kept_B
        left_B = self.mdp.restarts - copy_B
        return RestartLook(look, answer, puzzle_B, copy_B, m_B, left_B, kept_B)

    def outcome(self, look: RestartLook) -> Outcome:
        return self.rows.outcome(look.answer)

    def show(self, look: RestartLook) -> Shown:
        seen, mdp = self.rows.show(look.look), self.mdp
        obs_BF = features.with_copies(
            seen.obs_BF,
            look.copy_B.float() / mdp.restarts,
            look.look.m_B.float() / mdp.max_segments,
            look.kept_B,
            mdp.time_aware,
        )
        obs_BF = features.with_time(obs_BF, look.m_B, mdp.max_segments, mdp.time_aware)
        return Shown(obs_BF, self.rows.show(look.answer).prediction_BT, seen.rating_B)

    def pictured(self, look: RestartLook) -> Pictured:
        return self.rows.pictured(look.look)
