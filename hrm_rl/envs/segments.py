"""Where segments come from: what the engine asks, and a live model that answers (or `banked`).

A source keeps nothing of its own between calls. Its rows, one for each puzzle in thought, are a
(nested) named tuple of tensors, the row as first axis, for the engine to mix, join and pick from.

Shapes: B rows, T tokens, L positions, D width, V vocabulary, F features, P puzzles.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from hrm_rl import features, loop
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.reward import Outcome, outcome
from hrm_rl.models import ModelConfig
from hrm_rl.puzzles import PuzzleSet, task_for, task_of


class FrozenModel(loop.SegmentModel, Protocol):
    """A model to think with: an HRM, or anything with these four members."""

    config: ModelConfig


class Look(Protocol):
    """What the last segment of each row shows: a named tuple of tensors, at the least of these."""

    @property
    def m_B(self) -> Int[Tensor, " B"]: ...
    @property
    def puzzle_B(self) -> Int[Tensor, " B"]: ...


class Shown(NamedTuple):
    """What an observation and its `info` are made of."""

    obs_BF: Float[Tensor, "B F"]
    """With the segment number, if it is to be seen."""
    prediction_BT: UInt8[Tensor, "B T"]
    rating_B: Int[Tensor, " B"]


class Pictured(NamedTuple):
    """What is drawn of a look."""

    prediction_BT: UInt8[Tensor, "B T"]
    previous_BT: UInt8[Tensor, "B T"]
    """The prediction one segment ago; means nothing after segment 1."""
    q_B2: Float[Tensor, "B 2"]
    """Q logits (halt, continue), clipped as in observations; nan where they are not known."""


class Segments(Protocol):
    """What the engine asks of a source. Of the tensors that it gives, it keeps none."""

    device: torch.device
    puzzles: int
    """How many puzzles there are to deal."""
    cheap: bool
    """Whether running a row costs nothing to speak of, so that none need be saved."""

    def bounds(self) -> tuple[list[float], list[float]]:
        """Finite bounds of every column of an observation."""

    def fresh(self, puzzle_B: Int[Tensor, " B"], seed_B: Int[Tensor, " B"]) -> Any:
        """Rows in which these puzzles were just dealt, with no segment run yet.

        Args:
            seed_B: what a model that draws is to draw by.
        """

    def deal(
        self,
        rows: Any,
        puzzle_B: Int[Tensor, " B"],
        seed_B: Int[Tensor, " B"],
        where_B: Bool[Tensor, " B"],
    ) -> Any:
        """The rows, with these puzzles just dealt where marked."""

    def run(self, rows: Any) -> Any:
        """Run one segment in every row: the one place where time is spent."""

    def look(self, rows: Any) -> Any:
        """A `Look` at rows that have run a segment, for the engine to mix and pick from."""

    def outcome(self, look: Any) -> Outcome: ...

    def show(self, look: Any) -> Shown: ...

    def pictured(self, look: Any) -> Pictured: ...


# --- live -----------------------------------------------------------------------------------------


class LiveRows(NamedTuple):
    """Slots, and `features.Seen` without the carry, which the slots have."""

    slots: loop.Slots
    prediction_BT: Int[Tensor, "B T"]
    previous_BT: Int[Tensor, "B T"]
    """The prediction one segment ago."""
    log_p_BTV: Float[Tensor, "B T V"]
    scalars_BF: Float[Tensor, "B F"]
    change_BLD: Float[Tensor, "B L D"]
    puzzle_B: Int[Tensor, " B"]

    @property
    def seen(self) -> features.Seen:
        return features.Seen(
            self.prediction_BT, self.log_p_BTV, self.scalars_BF, self.slots.carry, self.change_BLD
        )


class LiveLook(NamedTuple):
    columns_BF: Float[Tensor, "B F"]
    prediction_BT: UInt8[Tensor, "B T"]
    previous_BT: UInt8[Tensor, "B T"]
    q_B2: Float[Tensor, "B 2"]
    m_B: Int[Tensor, " B"]
    puzzle_B: Int[Tensor, " B"]


class LiveSegments:
    """Segments computed by a frozen model."""

    cheap = False

    def __init__(self, model: FrozenModel, puzzles: PuzzleSet, mdp: MDP) -> None:
        """Raises ValueError for another kind of puzzle than the model's, or no such observation."""
        c = model.config
        features.bounds(mdp.observation, c)  # refuses what it does not know
        if not len(puzzles):
            raise ValueError(f"the set of {puzzles.task} puzzles is empty; give at least one")
        if (c.vocab, c.length) != (puzzles.vocab, puzzles.length):
            raise ValueError(
                f"the model reads {c.length} tokens out of {c.vocab}, and {puzzles.task} has "
                f"{puzzles.length} out of {puzzles.vocab}; take a checkpoint and puzzles that match"
            )
        if (task := task_of(puzzles.task)) != task_for(c):
            raise ValueError(
                f"the model was trained on {task_for(c).task}, got puzzles of {task.task}; take a "
                "checkpoint and puzzles that match"
            )
        self.task = task
        self.model, self.mdp = model, mdp
        self.device = model.initial(1).z_H.device
        self.set, self.puzzles = puzzles, len(puzzles)
        self.x_PT = torch.from_numpy(puzzles.inputs_PL).to(self.device)
        self.y_PT = torch.from_numpy(puzzles.solutions_PL).to(self.device)
        self.id_P = torch.from_numpy(puzzles.ids_P).to(self.device)
        self.rating_P = torch.from_numpy(puzzles.ratings_P).to(self.device, torch.int64)

    def bounds(self) -> tuple[list[float], list[float]]:
        return features.bounds(self.mdp.observation, self.model.config, self.mdp.time_aware)

    def fresh(self, puzzle_B: Int[Tensor, " B"], seed_B: Int[Tensor, " B"]) -> LiveRows:
        batch = self._batch(puzzle_B)
        x_BT = batch.x_BT
        zero = torch.zeros((), dtype=torch.float32, device=self.device)
        log_p_BTV = zero.new_zeros(*x_BT.shape, self.model.config.vocab)
        scalars_BF = zero.new_zeros(len(puzzle_B), len(features.SCALARS))
        slots = loop.fresh(self.model, batch, seed_B)
        change_BLD = torch.zeros_like(slots.carry.z_H, dtype=torch.float32)
        return LiveRows(slots, x_BT, x_BT, log_p_BTV, scalars_BF, change_BLD, puzzle_B)

    def deal(self, rows: LiveRows, puzzle_B: Tensor, seed_B: Tensor, where_B: Tensor) -> LiveRows:
        """What was seen of the puzzle before stays: after a first segment it is not looked at."""
        slots = loop.deal(self.model, rows.slots, self._batch(puzzle_B), where_B, seed_B)
        return rows._replace(slots=slots, puzzle_B=torch.where(where_B, puzzle_B, rows.puzzle_B))

    def _batch(self, puzzle_B: Int[Tensor, " B"]) -> loop.Batch:
        """No solution comes near the model: zeros are in their place."""
        x_BT = self.x_PT[puzzle_B].long()
        return loop.Batch(x_BT, torch.zeros_like(x_BT), self.id_P[puzzle_B])

    @torch.no_grad()
    def run(self, rows: LiveRows) -> LiveRows:
        after, output = loop.advance(self.model, rows.slots)
        prediction_BT, log_p_BTV, scalars_BF, _, change_BLD = features.look(
            rows.slots, after, output, rows.seen
        )
        return LiveRows(
            after, prediction_BT, rows.prediction_BT, log_p_BTV, scalars_BF, change_BLD,
            rows.puzzle_B,
        )  # fmt: skip

    def look(self, rows: LiveRows) -> LiveLook:
        return LiveLook(
            columns_BF=features.columns(self.mdp.observation, rows.seen),
            prediction_BT=rows.prediction_BT.to(torch.uint8),
            previous_BT=rows.previous_BT.to(torch.uint8),
            q_B2=rows.scalars_BF[:, :2],
            m_B=rows.slots.m_B,
            puzzle_B=rows.puzzle_B,
        )

    def outcome(self, look: LiveLook) -> Outcome:
        x_BT, y_BT = self.x_PT[look.puzzle_B], self.y_PT[look.puzzle_B]
        return outcome(self.task, x_BT, look.prediction_BT, y_BT)

    def show(self, look: LiveLook) -> Shown:
        mdp, rating_B = self.mdp, self.rating_P[look.puzzle_B]
        obs_BF = features.with_time(
            look.columns_BF.clone(), look.m_B, mdp.max_segments, mdp.time_aware
        )
        return Shown(obs_BF, look.prediction_BT.clone(), rating_B)

    def pictured(self, look: LiveLook) -> Pictured:
        return Pictured(look.prediction_BT, look.previous_BT, look.q_B2)
