"""The exact policy gradient: the expected return itself, with no action ever drawn.

Shapes: B slots.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hrm_rl.training.joint.learner import Segment
from hrm_rl.training.joint.ponder import Ponder


@dataclass(frozen=True)
class ExactPG(Ponder):
    """sum_n p_n (1 - r_n), where r_n = 1{correct at n} - price * (n - 1): PonderNet without a prior.

    Source: Venkata and Bhattacharyya 2023, "Deep Recurrent Optimal Stopping" (OSPG). Deviation: an
    episode is cut when 0.95 has halted, and what is left counts as halting there. The price is that
    of the step in which segment n was run, as if it had been so from segment 1 on.
    """

    beta: float = 0.0

    term = "return"

    def cost(self, segment: Segment) -> Float[Tensor, " B"]:
        dtype = segment.q_B2.dtype
        return 1 - segment.correct_B.to(dtype) + segment.price * (segment.seen.m_B - 1).to(dtype)
