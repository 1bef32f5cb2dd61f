"""The paper's Q-learning (section "Adaptive computational time"), with its variants.

Shapes: B slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from hrm_rl.halting import greedy_q
from hrm_rl.training.joint.learner import Draw, Memory, Memoryless, Seen, Segment, Terms
from hrm_rl.training.q_targets import continue_target, halt_target, q_loss


@dataclass(frozen=True)
class ActQ(Memoryless):
    """Q_halt learns to be right now, Q_continue the better of the next two; halt if Q_halt is larger.

    `bootstrap="extra"` runs one more segment for the continue target, as the public code does.
    `bootstrap="delayed"` takes it from the next segment's own forward, one optimiser step later: no
    extra forward, but halted slots have no next segment and give no continue target, and the
    continue loss trains the Q-head only.
    """

    max_segments: int
    """The most that there will be; at 1 nothing is ever continued."""
    edge: str = "exact"
    bootstrap: str = "extra"
    tie: str = "continue"

    def __post_init__(self) -> None:
        if self.bootstrap not in ("extra", "delayed"):
            raise ValueError(f'bootstrap must be "extra" or "delayed", got "{self.bootstrap}"')

    def decide(self, memory: Memory, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        return greedy_q(seen.q_B2, self.tie), memory

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        m_B, most = segment.seen.m_B, segment.max_segments
        q_halt = q_loss(segment.q_B2[:, 0], halt_target(segment.correct_B))
        if self.max_segments == 1:
            return {"q_halt": q_halt}, memory
        if most == 1:  # so far
            return {"q_halt": q_halt, "q_continue": torch.zeros_like(q_halt)}, memory
        if self.bootstrap == "extra":
            target_B = continue_target(segment.peek(), m_B, most, self.edge)
            q_continue = q_loss(segment.q_B2[:, 1], target_B)
        else:
            last_m_B, last_q_B2 = m_B - 1, segment.head(segment.last_z_BD)
            target_B = continue_target(segment.q_B2, last_m_B, most, self.edge)
            q_continue = torch.where(last_m_B >= 1, q_loss(last_q_B2[:, 1], target_B), 0)
        return {"q_halt": q_halt, "q_continue": q_continue}, memory
