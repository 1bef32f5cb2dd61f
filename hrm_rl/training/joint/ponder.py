"""PonderNet's loss: the expected loss of a halting distribution, drawn to a prior.

Shapes: B slots, M segments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.statistics.survival import halting_until
from hrm_rl.training.episode_losses import divergence_until, expected, prior, rare_halt
from hrm_rl.training.joint.episodes import Episode, Episodes, record, spent_before
from hrm_rl.training.joint.learner import Draw, Memory, Seen, Segment, Terms

ENOUGH = 0.95
"""Share of the halting probability after which an episode is cut (PonderNet's 1 - 0.05)."""


@dataclass(frozen=True)
class Ponder(Episodes):
    """sum_n p_n L_n + beta KL(p || prior), where p_n = P(halt at n) and L_n the sequence loss.

    Source: Banino et al. 2021 (PonderNet, arXiv 2107.05407), and for the uniform prior Zhu et al.
    2025 (Ouro, arXiv 2510.25741). Deviations: L_n is without gradients, so that only the head
    learns by p; the prior is a geometric distribution over 1 .. max_segments, and where an episode
    was cut, all that comes later counts as one outcome of it.
    """

    max_segments: int
    lambda_p: float | None = 0.2
    """Rate of the geometric prior, whose mean is about 1 / lambda_p; None for a uniform one."""
    beta: float = 0.01

    term = "ponder"

    @property
    def bias(self) -> tuple[float, float]:
        return rare_halt(self.max_segments), 0.0

    def decide(self, memory: Episode, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        stays_B = (1 - spent_before(memory, seen)) * (-seen.q_B2[:, 0]).sigmoid()
        return stays_B < 1 - ENOUGH, memory._replace(spent_B=1 - stays_B)

    def learn(self, memory: Episode, segment: Segment) -> tuple[Terms, Memory]:
        memory, m_B = record(memory, segment, self.cost(segment)), segment.seen.m_B
        logit_BM = segment.head(memory.z_BMD)[..., 0]
        loss_B = expected(halting_until(logit_BM, m_B), memory.cost_BM)
        if self.beta:
            prior_M = prior(self.max_segments, self.lambda_p, m_B.device, logit_BM.dtype)
            loss_B = loss_B + self.beta * divergence_until(logit_BM, m_B, prior_M)
        return {self.term: torch.where(segment.halted_B, loss_B, 0)}, memory

    def cost(self, segment: Segment) -> Float[Tensor, " B"]:
        """L_n of the present segment."""
        return segment.lm_B
