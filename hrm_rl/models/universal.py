"""The Universal Transformer (Dehghani et al. 2019, arXiv 1807.03819) with Graves' ACT inside a segment.

Each position decides by itself how many steps it takes: adaptive computation time of Graves 2016
(arXiv 1603.08983). With h_n = sigmoid(w s_n + b) of step n: N is the first step where
h_1 + .. + h_N >= 1 - eps, or the last; R = 1 - (h_1 + .. + h_{N-1}); p_n = h_n before N and
p_N = R. The answer is read from sum_n p_n s_n, and tau (N + R), averaged over positions, is what a
segment charges (`Output.cost_B`); its gradient is that of R. Whoever has halted keeps its state,
for others to read.

Deviations: post-norm blocks with rotary positions, as all systems here, so that only the number of
the step is added as a sinusoid; h starts at a logit of -3 in place of Graves' 1, from which most
runs never get beyond two steps (arXiv 2604.21999). All steps are computed and masked, so that
nothing waits for the device: halting shows in the charge, not in the clock.

Shapes: B slots, T tokens of the puzzle, L = prefix + T positions, D width, N steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_rl.checks.numbers import real
from hrm_rl.models.base import Carry, Output
from hrm_rl.models.blocks import Level
from hrm_rl.models.layers import at_least_float32, only_shapes
from hrm_rl.models.limits import check_counts, check_real
from hrm_rl.models.sequence import Sequence, SequenceConfig

EPS = 0.01


@dataclass(frozen=True)
class UniversalConfig(SequenceConfig):
    """What rebuilds a Universal Transformer."""

    layers: int = 2
    """Blocks of a step."""
    max_steps: int = 12
    """Steps that a position takes at most in a segment; all carry gradients."""
    ponder_cost: float = 0.01
    """Tau, what a step costs in the loss."""
    halt_bias: float = -3.0
    """Logit of h at the start."""

    def __post_init__(self) -> None:
        check_counts(self, "max_steps")
        super().__post_init__()
        check_real(self, "ponder_cost", high=1e6)
        object.__setattr__(self, "halt_bias", real("halt_bias", self.halt_bias, low=-1e3, high=1e3))

    @property
    def runs(self) -> int:
        return self.max_steps * self.layers


class Universal(Sequence):
    """The same blocks at every step, as many steps as each position wants.

    Segment 1 starts from the embedded puzzle, as the original does; further ones from the embedded
    puzzle plus the answer's state so far.
    """

    config: UniversalConfig

    def __init__(self, config: UniversalConfig) -> None:
        super().__init__(config)
        self.H_level = Level(config.layers, self.new_block)
        self.halt_head = nn.Linear(config.width, 1)
        nn.init.zeros_(self.halt_head.weight)
        nn.init.constant_(self.halt_head.bias, config.halt_bias)
        self.time: Tensor
        self.register_buffer("time", sinusoids(config.max_steps, config.width), persistent=False)

    def initial(self, slots: int) -> Carry:
        """Zeros; z_L is not used."""
        shape = (slots, self.config.prefix + self.config.cells, self.config.width)
        zeros_BLD = self.q_head.weight.new_zeros(()).expand(shape)
        return Carry(zeros_BLD, zeros_BLD)

    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        z_BLD, ponder_BL = self.ponder(carry.z_H + self.embed(x_BT, rows_BE))
        cost_B = self.config.ponder_cost * ponder_BL.mean(1)
        output = self.shown(self.write(z_BLD), z_BLD, cost_B)
        return Carry(z_BLD.detach(), carry.z_L), output

    def ponder(
        self, state_BLD: Float[Tensor, "B L D"]
    ) -> tuple[Float[Tensor, "B L D"], Float[Tensor, "B L"]]:
        """The mixture of the steps' states, and N + R of every position."""
        mixed_BLD, ponder_BL = torch.zeros_like(state_BLD), state_BLD.new_zeros(state_BLD.shape[:2])
        spent_BL = torch.zeros_like(ponder_BL)
        runs_BL = torch.ones_like(ponder_BL, dtype=torch.bool)
        for n in range(self.config.max_steps):
            stepped_BLD = self.H_level(state_BLD, self.time[n], self.rotary)
            state_BLD = torch.where(runs_BL[..., None], stepped_BLD, state_BLD)
            h_BL = at_least_float32(self.halt_head(state_BLD)).sigmoid().squeeze(-1)
            last_BL = runs_BL & (spent_BL + h_BL >= 1 - EPS)
            if n == self.config.max_steps - 1:
                last_BL = runs_BL
            rest_BL = torch.where(last_BL, 1 - spent_BL, 0)
            p_BL = torch.where(last_BL, rest_BL, torch.where(runs_BL, h_BL, 0))
            mixed_BLD = mixed_BLD + p_BL[..., None] * state_BLD
            ponder_BL = ponder_BL + runs_BL + rest_BL
            spent_BL = spent_BL + torch.where(runs_BL, h_BL, 0)
            runs_BL = runs_BL & ~last_BL
        return mixed_BLD, ponder_BL


def sinusoids(steps: int, width: int) -> Float[Tensor, "N D"]:
    """Sines and cosines of the step's number, of wave lengths from 2 pi to 10,000 times that."""
    if only_shapes():
        return torch.empty(steps, width)
    frequencies = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.outer(torch.arange(1, steps + 1, dtype=torch.float32), frequencies)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[:, :width]
