"""TRM's rule (Jolicoeur-Martineau 2025): learn if the answer is right; halt at a logit > 0.

Shapes: B slots.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from hrm_rl.training.joint.learner import Draw, Memory, Memoryless, Seen, Segment, Terms
from hrm_rl.training.q_targets import halt_target, q_loss


@dataclass(frozen=True)
class HaltBCE(Memoryless):
    """Nothing is bootstrapped, and a puzzle that is never solved runs to the end."""

    def decide(self, memory: Memory, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        return seen.q_B2[:, 0] > 0, memory

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {"q_halt": q_loss(segment.q_B2[:, 0], halt_target(segment.correct_B))}, memory
