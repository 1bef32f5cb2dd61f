"""Halting where the state has settled; nothing is learned.

Shapes: B slots.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from hrm_rl.training.joint.learner import Draw, Memory, Memoryless, Seen, Segment, Terms


@dataclass(frozen=True)
class Residual(Memoryless):
    """Halt where the relative change of z_H is below `knob`: the rule "residual" of a frozen model.

    Source: the latent-change criterion of Geiping et al. 2025 (2502.05171), there at inference only.
    """

    knob: float

    def decide(self, memory: Memory, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        return seen.residual_B() < self.knob, memory

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {}, memory
