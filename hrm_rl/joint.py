"""Halting learners of the joint regime, where the model is still learning.

The trainer offers a learner each segment (`Segment`) and asks it for decisions and for a loss; it
knows none of them by name. A new one is a class with these two methods and a line in `LEARNERS`.

Shapes: B slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.halting import greedy_q
from hrm_rl.losses import continue_target, halt_target, q_loss


class Segment(NamedTuple):
    """One segment of all slots, as the trainer offers it."""

    q_B2: Float[Tensor, "B 2"]
    """Q logits after it, with gradients."""
    correct_B: Bool[Tensor, " B"]
    m_B: Int[Tensor, " B"]
    last_q_B2: Float[Tensor, "B 2"]
    """Q logits of the segment before, read again from its detached state: train the Q-head only."""
    peek: Callable[[], Float[Tensor, "B 2"]]
    """Runs one more segment without gradients, with the same weights, and returns its Q logits."""


class JointLearner(Protocol):
    def decide(self, q_B2: Float[Tensor, "B 2"]) -> Bool[Tensor, " B"]:
        """Which slots it wants to halt."""

    def losses(self, segment: Segment) -> dict[str, Float[Tensor, " B"]]:
        """Named loss terms of each slot; the trainer adds their means times `q_weight`."""


@dataclass(frozen=True)
class ActQ:
    """The paper's Q-learning (section "Adaptive computational time"), with its variants.

    `bootstrap="extra"` runs one more segment for the continue target, as the public code does.
    `bootstrap="delayed"` takes it from the next segment's own forward, one optimiser step later: no
    extra forward, but halted slots have no next segment and give no continue target, and the
    continue loss trains the Q-head only.
    """

    max_segments: int
    edge: str = "exact"
    bootstrap: str = "extra"
    tie: str = "continue"

    def __post_init__(self) -> None:
        if self.bootstrap not in ("extra", "delayed"):
            raise ValueError(f'bootstrap must be "extra" or "delayed", got "{self.bootstrap}"')

    def decide(self, q_B2: Float[Tensor, "B 2"]) -> Bool[Tensor, " B"]:
        return greedy_q(q_B2, self.tie)

    def losses(self, segment: Segment) -> dict[str, Float[Tensor, " B"]]:
        q_halt = q_loss(segment.q_B2[:, 0], halt_target(segment.correct_B))
        if self.max_segments == 1:
            return {"q_halt": q_halt}
        if self.bootstrap == "extra":
            target_B = continue_target(segment.peek(), segment.m_B, self.max_segments, self.edge)
            q_continue = q_loss(segment.q_B2[:, 1], target_B)
        else:
            last_m_B = segment.m_B - 1
            target_B = continue_target(segment.q_B2, last_m_B, self.max_segments, self.edge)
            q_continue = torch.where(last_m_B >= 1, q_loss(segment.last_q_B2[:, 1], target_B), 0)
        return {"q_halt": q_halt, "q_continue": q_continue}


@dataclass(frozen=True)
class HaltBCE:
    """TRM's rule (Jolicoeur-Martineau 2025): learn if the answer is right; halt at a logit > 0.

    Nothing is bootstrapped, and a puzzle that is never solved runs to the end.
    """

    def decide(self, q_B2: Float[Tensor, "B 2"]) -> Bool[Tensor, " B"]:
        return q_B2[:, 0] > 0

    def losses(self, segment: Segment) -> dict[str, Float[Tensor, " B"]]:
        return {"q_halt": q_loss(segment.q_B2[:, 0], halt_target(segment.correct_B))}


class LearnerConfig(Protocol):
    """What of a run's config the learners read."""

    @property
    def max_segments(self) -> int: ...
    @property
    def edge(self) -> str: ...
    @property
    def bootstrap(self) -> str: ...
    @property
    def tie(self) -> str: ...


LEARNERS: dict[str, Callable[[LearnerConfig], JointLearner]] = {
    "act_q": lambda c: ActQ(c.max_segments, c.edge, c.bootstrap, c.tie),
    "halt_bce": lambda c: HaltBCE(),
}
