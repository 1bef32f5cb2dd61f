"""Graves' adaptive computation time: halting probabilities add up, and losses are mixed.

Shapes: B slots, M segments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.training.joint.episodes import Episode, Episodes, record, spent_before
from hrm_rl.training.joint.learner import Draw, Memory, Seen, Segment, Terms

EPS = 0.01


@dataclass(frozen=True)
class Graves(Episodes):
    """sum_n p_n L_n + tau (N + R), where the gradient of the second term is that of R alone.

    With h_n = sigmoid(logit_n): N is the first segment where h_1 + .. + h_N >= 1 - eps, or the last;
    R = 1 - (h_1 + .. + h_{N-1}); p_n = h_n before N, and p_N = R.

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
        p_BM, ponder_B = weights(h_BM, segment.seen.m_B)
        loss_B = (p_BM * memory.cost_BM).sum(1) + self.tau * ponder_B
        return {"graves": torch.where(segment.halted_B, loss_B, 0)}, memory


def weights(
    h_BM: Float[Tensor, "B M"], m_B: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "B M"], Float[Tensor, " B"]]:
    """p of all segments, which sums to 1, and N + R; m is the last segment that was run."""
    n_M = torch.arange(1, h_BM.shape[1] + 1, device=h_BM.device)
    before_BM = h_BM.cumsum(1) - h_BM
    runs_BM = (before_BM < 1 - EPS) & (n_M <= m_B[:, None])
    last_BM = runs_BM & (n_M == runs_BM.sum(1)[:, None])
    p_BM = torch.where(last_BM, 1 - before_BM, torch.where(runs_BM, h_BM, 0))
    return p_BM, runs_BM.sum(1) + torch.where(last_BM, 1 - before_BM, 0).sum(1)
