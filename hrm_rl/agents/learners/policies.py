"""What learners hand over: a network that says how likely halting is, or what both actions are worth.

Shapes: B rows, F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.checks.numbers import choice, real
from hrm_rl.halting import greedy_q


@dataclass(frozen=True)
class QPolicy:
    """Halt where the learned Q_halt exceeds the learned Q_continue."""

    network: nn.Module
    """Observation (B, F) -> (B, 2), values of halting and continuing or anything that grows with
    them: only their order counts."""
    observation: str
    time_aware: bool = True
    tie: str = "continue"

    def __post_init__(self) -> None:
        choice("tie", self.tie, ("continue", "halt"))

    @torch.no_grad()
    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return greedy_q(self.network(obs_BF), self.tie)


@dataclass(frozen=True)
class ChancePolicy:
    """Halt with a learned probability; as a policy its mode: where that exceeds `threshold`."""

    network: nn.Module
    """Observation (B, F) -> (B, 1), the logit of P(halt)."""
    observation: str
    time_aware: bool = True
    threshold: float = 0.5

    def __post_init__(self) -> None:
        real("threshold", self.threshold, low=0, high=1)

    @torch.no_grad()
    def probability(
        self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        probability_B: Tensor = self.network(obs_BF)[:, 0].sigmoid()
        return probability_B

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return self.probability(obs_BF, m_B) > self.threshold
