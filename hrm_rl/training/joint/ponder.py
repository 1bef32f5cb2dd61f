"""PonderNet's loss: the expected loss of a halting distribution, drawn to a prior.

Shapes: B slots, M segments, D decisions (M - 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.training.joint.episodes import (
    Episode,
    Episodes,
    halting,
    rare_halt,
    reach,
    record,
    spent_before,
)
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
        loss_B = (halting(logit_BM, m_B) * memory.cost_BM).sum(1)
        if self.beta:
            prior_M = prior(self.max_segments, self.lambda_p, m_B.device, logit_BM.dtype)
            loss_B = loss_B + self.beta * divergence(logit_BM, m_B, prior_M)
        return {self.term: torch.where(segment.halted_B, loss_B, 0)}, memory

    def cost(self, segment: Segment) -> Float[Tensor, " B"]:
        """L_n of the present segment."""
        return segment.lm_B


def prior(
    max_segments: int,
    lambda_p: float | None,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, " M"]:
    """The geometric distribution of rate lambda_p cut off at max_segments, or the uniform one."""
    n_M = torch.arange(max_segments, dtype=dtype, device=device)
    weight_M = (1.0 - (lambda_p or 0.0)) ** n_M
    return weight_M / weight_M.sum()


def divergence(
    logit_BM: Float[Tensor, "B M"], m_B: Int[Tensor, " B"], prior_M: Float[Tensor, " M"]
) -> Float[Tensor, " B"]:
    """KL(p || prior) over the outcomes 1 .. m and "later", by the chain rule: a coin a segment.

    Halting at the last of all segments is no coin. An episode that was cut at m still has one there,
    which pulls back a head that always halts at once.
    """
    D = logit_BM.shape[1] - 1
    n_D = torch.arange(1, D + 1, device=logit_BM.device)
    rate_D = prior_M[:-1] / prior_M.flip(0).cumsum(0).flip(0)[:-1]
    logit_BD = logit_BM[:, :D]
    halts_BD = F.logsigmoid(logit_BD) - rate_D.log()
    stays_BD = F.logsigmoid(-logit_BD) - (-rate_D).log1p()
    coin_BD = logit_BD.sigmoid() * halts_BD + (-logit_BD).sigmoid() * stays_BD
    kl_BD = reach(logit_BM)[:, :D] * coin_BD
    return torch.where(n_D <= m_B[:, None], kl_BD, 0).sum(1)
