"""Where segments come from: a live model, or a bank of logged ones, with the same numbers.

A source keeps nothing of its own between calls. Its rows, one for each puzzle in thought, are a
(nested) named tuple of tensors, the row as first axis, for the engine to mix, join and pick from.

Shapes: B rows, T tokens, V vocabulary, F features, M segments, P puzzles.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from hrm_rl import features, loop
from hrm_rl.bank import Bank, observe
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles import PuzzleSet


class FrozenModel(loop.SegmentModel, Protocol):
    """A model to think with: an HRM, or anything with these four members."""

    config: HRMConfig


class Look(NamedTuple):
    """What the last segment of each row shows."""

    columns_BF: Float[Tensor, "B F"]
    """The observation set, without the segment number."""
    prediction_BT: UInt8[Tensor, "B T"]
    q_B2: Float[Tensor, "B 2"]
    """Q logits (halt, continue), clipped as in observations; nan where they are not known."""
    m_B: Int[Tensor, " B"]
    puzzle_B: Int[Tensor, " B"]


class Segments(Protocol):
    """What the engine asks of a source."""

    device: torch.device

    def bounds(self, time_aware: bool) -> tuple[list[float], list[float]]:
        """Finite bounds of every column of an observation."""

    def fresh(self, puzzle_B: Int[Tensor, " B"]) -> Any:
        """Rows in which these puzzles were just dealt, with no segment run yet."""

    def run(self, rows: Any) -> Any:
        """Run one segment in every row: the one place where time is spent."""

    def look(self, rows: Any) -> Look:
        """What is seen of rows that have run a segment."""


# --- live -----------------------------------------------------------------------------------------


class LiveRows(NamedTuple):
    """Slots, and `features.Seen` without the carry, which the slots have."""

    slots: loop.Slots
    prediction_BT: Int[Tensor, "B T"]
    log_p_BTV: Float[Tensor, "B T V"]
    scalars_BF: Float[Tensor, "B F"]
    puzzle_B: Int[Tensor, " B"]

    @property
    def seen(self) -> features.Seen:
        carry = self.slots.carry
        return features.Seen(self.prediction_BT, self.log_p_BTV, self.scalars_BF, carry)


class LiveSegments:
    """Segments computed by a frozen model."""

    def __init__(self, model: FrozenModel, puzzles: PuzzleSet, observation: str) -> None:
        """Raises ValueError if the model was made for another kind of puzzle."""
        c = model.config
        if (c.vocab, c.length) != (puzzles.vocab, puzzles.length):
            raise ValueError(
                f"the model reads {c.length} tokens out of {c.vocab}, and {puzzles.task} has "
                f"{puzzles.length} out of {puzzles.vocab}; take a checkpoint and puzzles that match"
            )
        self.model, self.observation = model, observation
        self.device = model.initial(1).z_H.device
        self.x_PT = torch.from_numpy(puzzles.inputs_PL).to(self.device)

    def bounds(self, time_aware: bool) -> tuple[list[float], list[float]]:
        return features.bounds(self.observation, self.model.config, time_aware)

    def fresh(self, puzzle_B: Int[Tensor, " B"]) -> LiveRows:
        x_BT = self.x_PT[puzzle_B].long()
        # No solution comes near the model: the engine has them.
        batch = loop.Batch(x_BT, torch.zeros_like(x_BT), torch.zeros_like(puzzle_B))
        log_p_BTV = torch.zeros(*x_BT.shape, self.model.config.vocab, device=self.device)
        scalars_BF = torch.zeros(len(puzzle_B), len(features.SCALARS), device=self.device)
        return LiveRows(loop.fresh(self.model, batch), x_BT, log_p_BTV, scalars_BF, puzzle_B)

    @torch.no_grad()
    def run(self, rows: LiveRows) -> LiveRows:
        after, output = loop.advance(self.model, rows.slots)
        prediction_BT, log_p_BTV, scalars_BF, _ = features.look(
            rows.slots, after, output, rows.seen
        )
        return LiveRows(after, prediction_BT, log_p_BTV, scalars_BF, rows.puzzle_B)

    def look(self, rows: LiveRows) -> Look:
        return Look(
            columns_BF=features.columns(self.observation, rows.seen),
            prediction_BT=rows.prediction_BT.to(torch.uint8),
            q_B2=rows.scalars_BF[:, :2],
            m_B=rows.slots.m_B,
            puzzle_B=rows.puzzle_B,
        )


# --- from a bank ----------------------------------------------------------------------------------


class BankRows(NamedTuple):
    """On a frozen model the puzzle and the segment say it all."""

    puzzle_B: Int[Tensor, " B"]
    m_B: Int[Tensor, " B"]


class BankSegments:
    """Segments looked up in a bank, so that learners need not wait for a model."""

    def __init__(
        self,
        bank: Bank,
        puzzles: PuzzleSet,
        observation: str,
        max_segments: int,
        device: torch.device | None = None,
    ) -> None:
        """Raises ValueError if the bank has other puzzles, is too short or lacks the observation."""
        if len(bank) != len(puzzles):
            raise ValueError(
                f"the bank holds {len(bank)} puzzles and the set {len(puzzles)}; "
                "pass the puzzles that the bank was logged with"
            )
        if max_segments > bank.max_segments:
            raise ValueError(
                f"max_segments must be <= {bank.max_segments}, the segments in the bank, "
                f"got {max_segments}; lower it or log a longer bank"
            )
        if observation == "full":
            raise ValueError(
                'observation must not be "full" with a bank, which does not say how wide a state '
                'is; use a live model, or "z_H"'
            )
        known = "q" in bank.columns or "scalars" in bank.columns
        nan_MP2 = torch.full((*bank.correct_MP.shape, 2), torch.nan)
        self.device = device or bank.correct_MP.device
        self.columns_MPF = _all_segments(bank, observation).to(self.device)
        self.q_MP2 = (_all_segments(bank, "q") if known else nan_MP2).to(self.device)
        self.prediction_MPT = bank.predictions_MPT.to(self.device)
        self.observation, self.vocab, self.length = observation, puzzles.vocab, puzzles.length

    def bounds(self, time_aware: bool) -> tuple[list[float], list[float]]:
        F = self.columns_MPF.shape[-1]  # the width, where the set is a state
        config = HRMConfig(self.vocab, self.length, width=F, heads=1, token_mixer="mlp")
        return features.bounds(self.observation, config, time_aware)

    def fresh(self, puzzle_B: Int[Tensor, " B"]) -> BankRows:
        return BankRows(puzzle_B, torch.zeros_like(puzzle_B))

    def run(self, rows: BankRows) -> BankRows:
        return BankRows(rows.puzzle_B, rows.m_B + 1)

    def look(self, rows: BankRows) -> Look:
        at = rows.m_B - 1, rows.puzzle_B
        return Look(
            self.columns_MPF[at], self.prediction_MPT[at], self.q_MP2[at], rows.m_B, rows.puzzle_B
        )


def _all_segments(bank: Bank, name: str) -> Float[Tensor, "M P F"]:
    segments = range(1, bank.max_segments + 1)
    return torch.stack([observe(bank, name, m, time_aware=False) for m in segments])
