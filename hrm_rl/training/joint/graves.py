"""Graves' adaptive computation time: halting probabilities add up, and losses are mixed.

Shapes: B slots, M segments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from hrm_rl.training.episode_losses import EPS, graves_loss, graves_weights
from hrm_rl.training.joint.episodes import Episode, Episodes, record, spent_before
from hrm_rl.training.joint.learner import Draw, Memory, Seen, Segment, Terms


@dataclass(frozen=True)
class Graves(Episodes):
    """sum_n p_n L_n + tau (N + R), where the gradient of the second term is that of R alone.

    With h_n = sigmoid(logit_n) and p, N and R those of `episode_losses.graves_weights`.

    Source: Graves 2016 (arXiv 1603.08983). Deviations: the losses of the segments are mixed and not
    their states, without gradients, so that only the head learns by p; h starts at a logit of -3 and
    not 1, so that depth starts deep (arXiv 2604.21999: from 0 or 1 most runs stay at 2 steps).
    """

    max_segments: int
    tau: float = 0.01

    bias = (-3.0, 0.0)

    def decide(self, memory: Episode, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        sum_B = spent_before(memory, seen) + seen.q_B2[:, 0].sigmoid()
        return sum_B >= 1 - EPS, memory._replace(spent_B=sum_B)

    def learn(self, memory: Episode, segment: Segment) -> tuple[Terms, Memory]:
        memory = record(memory, segment, segment.lm_B)
        h_BM = segment.head(memory.z_BMD)[..., 0].sigmoid()
        before_BM = h_BM.cumsum(1) - h_BM
        p_BM, ponder_B = graves_weights(h_BM, before_BM, segment.seen.m_B)
        loss_B = graves_loss(p_BM, ponder_B, memory.cost_BM, self.tau)
        return {"graves": torch.where(segment.halted_B, loss_B, 0)}, memory
