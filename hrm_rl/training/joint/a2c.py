"""Advantage actor-critic beside the supervised loss.

Shapes: B slots, T segments of a rollout.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Int
from torch import Tensor

from hrm_rl.training.joint.rollouts import ActorCritic


@dataclass(frozen=True)
class A2C(ActorCritic):
    """One update on the T segments before it, at every T-th optimiser step; its loss is 0 between.

    Source: Mnih et al. 2016 (arXiv 1602.01783), with all slots as its workers. The loss needs no
    factor T for the steps without one: Adam-atan2 does not feel the scale of a loss. By its second
    moment, which is averaged over those steps too, an update moves the head sqrt(T) times as far as
    one step of a learner that learns at each, and so 1 / sqrt(T) times as far per step of the run.
    """

    length: int = 5

    def due(self, steps: Int[Tensor, ""]) -> Bool[Tensor, ""]:
        return (steps >= self.length) & (steps % self.length == 0)

    def surrogate(self, log_p_BT: Tensor, old_log_p_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        return log_p_BT * advantage_BT
