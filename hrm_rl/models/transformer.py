"""Two baselines of the HRM paper: direct prediction, and a recurrent Transformer without hierarchy.

Both are one stack of blocks of HRM's size (8 layers, where HRM has 4 + 4). "Direct pred" of the
paper's "Evaluation Details" runs it once and remembers nothing; the recurrent Transformer feeds its
state back, with the same one-step gradient as HRM: 3 passes of 8 layers are HRM's 24 layer
evaluations at N = T = 2, of which in both the last 8 carry gradients.

Shapes: B slots, T tokens of the puzzle, L = prefix + T positions, D width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import flag
from hrm_rl.models.base import Carry, Output
from hrm_rl.models.blocks import Level
from hrm_rl.models.layers import truncated_normal_
from hrm_rl.models.limits import check_counts
from hrm_rl.models.sequence import Sequence, SequenceConfig


@dataclass(frozen=True)
class TransformerConfig(SequenceConfig):
    """What rebuilds a Transformer without hierarchy."""

    cycles: int = 3
    """Passes through the blocks in a segment; only the last carries gradients."""
    recurrent: bool = True
    """Whether a segment goes on from the last one's state; False: every segment is like the first."""

    def __post_init__(self) -> None:
        check_counts(self, "cycles")
        super().__post_init__()
        object.__setattr__(self, "recurrent", flag("recurrent", self.recurrent))
        if not self.recurrent and self.cycles != 1:
            raise ValueError(
                f"direct prediction is one pass: cycles must be 1 with recurrent=False, "
                f"got {self.cycles}"
            )

    @property
    def runs(self) -> int:
        return self.cycles * self.layers


class Transformer(Sequence):
    """z <- blocks(z + x), once (direct prediction) or again and again.

    Direct prediction starts from z = 0 in every segment, so that further segments change nothing:
    train it with `--max-segments 1`.
    """

    config: TransformerConfig

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.H_level = Level(config.layers, self.new_block)
        self.H_init: Tensor
        self.register_buffer("H_init", truncated_normal_(torch.empty(config.width), std=1.0))

    def initial(self, slots: int) -> Carry:
        """One fixed random vector at every position; z_L is not used and stays 0."""
        shape = (slots, self.config.prefix + self.config.cells, -1)
        return Carry(self.H_init.expand(shape), torch.zeros_like(self.H_init).expand(shape))

    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        x_BLD = self.embed(x_BT, rows_BE)
        z_BLD = carry.z_H if self.config.recurrent else torch.zeros_like(x_BLD)
        with torch.no_grad():
            for _ in range(self.config.cycles - 1):
                z_BLD = self.H_level(z_BLD, x_BLD, self.rotary)
        z_BLD = self.H_level(z_BLD, x_BLD, self.rotary)
        output = self.shown(self.write(z_BLD), z_BLD)
        return Carry(z_BLD.detach(), carry.z_L), output
