"""The Tiny Recursive Model (Jolicoeur-Martineau 2025, arXiv 2510.04871).

One small network in place of HRM's two, and gradients through the whole last recursion in place of
its last two updates. z_L is what that paper calls the latent z, z_H its answer y. In training it
goes with `--halting halt_bce` (halt where the answer is likely right, no continue target) and
`--ema 0.999`; `presets.trm` has both.

Shapes: B slots, T tokens of the puzzle, L = prefix + T positions, D width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.models.base import Carry, Output
from hrm_rl.models.blocks import Level
from hrm_rl.models.drawn import Drawn, check_drawn
from hrm_rl.models.layers import truncated_normal_
from hrm_rl.models.limits import check_counts
from hrm_rl.models.sequence import Sequence, SequenceConfig


@dataclass(frozen=True)
class TRMConfig(SequenceConfig):
    """What rebuilds a TRM. The defaults are the paper's Sudoku model with attention."""

    layers: int = 2
    """Blocks of the one network."""
    H_cycles: int = 3
    """T, recursions in a segment; only the last carries gradients."""
    L_cycles: int = 6
    """n, updates of the latent in a recursion, which ends with one update of the answer."""
    puzzle_positions: int | None = 16
    """Positions of the puzzle embedding, the rest of them zeros; None: as few as hold it."""
    start: str = "fixed"
    """What a puzzle's answer and latent start from: "fixed" (the paper: one vector each, at every
    position of every puzzle) or "random", drawn anew for each (see `drawn`)."""
    noise: float = 0.0
    """Deviation of the noise on both before each segment; EqR (arXiv 2605.21488), which has 0.01, adds
    it at each update."""

    def __post_init__(self) -> None:
        check_counts(self, "H_cycles L_cycles")
        check_drawn(self)
        super().__post_init__()

    @property
    def runs(self) -> int:
        return self.H_cycles * (self.L_cycles + 1) * self.layers


class TRM(Drawn, Sequence):
    """A latent and an answer, both updated by one network.

    A segment is T recursions; each updates the latent n times from (latent, answer, puzzle), and
    then the answer from (answer, latent).
    """

    config: TRMConfig

    def __init__(self, config: TRMConfig) -> None:
        super().__init__(config)
        self.L_level = Level(config.layers, self.new_block)
        self.register_buffer("H_init", truncated_normal_(torch.empty(config.width), std=1.0))
        self.register_buffer("L_init", truncated_normal_(torch.empty(config.width), std=1.0))

    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        x_BLD = self.embed(x_BT, rows_BE)
        with torch.no_grad():
            for _ in range(self.config.H_cycles - 1):
                carry = self._recursion(carry, x_BLD)
        carry = self._recursion(carry, x_BLD)
        output = self.shown(self.write(carry.z_H), carry.z_H)
        return Carry(carry.z_H.detach(), carry.z_L.detach()), output

    def _recursion(self, carry: Carry, x_BLD: Tensor) -> Carry:
        """n updates of the latent and one of the answer."""
        z_H, z_L = carry
        for _ in range(self.config.L_cycles):
            z_L = self.L_level(z_L, z_H + x_BLD, self.rotary)
        return Carry(self.L_level(z_H, z_L, self.rotary), z_L)
