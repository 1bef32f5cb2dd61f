"""Proximal policy optimisation beside the supervised loss.

Shapes: B slots, T segments of a rollout.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hrm_rl.training.joint.rollouts import ActorCritic


@dataclass(frozen=True)
class PPO(ActorCritic):
    """Each of T optimiser steps is an epoch, of one batch, on the T segments before them.

    Source: Schulman et al. 2017 (arXiv 1707.06347). Deviations: epochs are spread over the steps of
    the run; the policy that fills a rollout moves with them, and each decision keeps its own
    probability for the ratio; advantages are normalised, if at all, over the whole rollout.
    """

    clip: float = 0.2

    def due(self, steps: Int[Tensor, ""]) -> Bool[Tensor, ""]:
        return steps >= self.length

    def surrogate(self, log_p_BT: Tensor, old_log_p_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        ratio_BT = (log_p_BT - old_log_p_BT).exp()
        clipped_BT = ratio_BT.clamp(1 - self.clip, 1 + self.clip)
        return torch.minimum(ratio_BT * advantage_BT, clipped_BT * advantage_BT)
