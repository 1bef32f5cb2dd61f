"""The rule that waits until the answer's entropy stands still: its moving variance.

`entropy` of `thresholds` halts where the model is sure; this one also where it stays unsure, so that it
gives up on what no longer moves.

Shapes: B slots, F features, M segments, P puzzles, K rows that stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.rules.basic import knob
from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.features import OBSERVATIONS, SCALARS
from hrm_rl.halting import MOST, Remembers

_ENTROPY = SCALARS.index("entropy_mean")
_MOST_VARIANCE = log(256) ** 2  # of what lies between 0 and the entropy of 256 tokens, and more


def moved(
    mean_B: Float[Tensor, " B"],
    variance_B: Float[Tensor, " B"],
    value_B: Float[Tensor, " B"],
    rate: float,
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """Exponentially weighted mean and variance after one more value.

    M' = rate x + (1 - rate) M and V' = rate (x - M')^2 + (1 - rate) V, as the public code has it: around
    the mean that holds x already. The first value has M = x and V = 0.
    """
    mean_B = rate * value_B + (1 - rate) * mean_B
    return mean_B, rate * (value_B - mean_B) ** 2 + (1 - rate) * variance_B


@dataclass(frozen=True)
class Still(Remembers):
    """Halt where the moving variance of the answer's mean entropy has fallen below `delta`.

    Source: EAT (2509.26522), on the entropy of the first token of the answer that a language model would
    give now. Here it is the mean over cells of the answer that is there. The variance begins at 0 and is
    too low at first, for which EAT's public code leaves out 25 values; `patience` is that. Of rates 0.2,
    0.5 and 0.8 the last had the largest area on `sudoku9-fit`, and `delta` the highest value at 0.01 there.
    """

    delta: float = 1e-6
    """Knob: a variance, in nats squared."""
    rate: float = 0.8
    """Knob: weight of the newest value, between 0 and 1."""
    patience: int = 2
    """Knob: the first segment after which it may halt, from 2: one value has no variance."""
    observation: str = "scalars"

    def __post_init__(self) -> None:
        knob("delta", self.delta, 0, _MOST_VARIANCE)
        real("rate", self.rate, low=0, high=1, inside=True)
        whole("patience", self.patience, low=2, high=MOST, cure="one value has no variance")
        choice("observation", self.observation, [OBSERVATIONS[1]], cure="it holds the entropy")

    def begin(self, rows: int) -> Moving:
        return Moving(self)

    def variances(self, obs_MPF: Float[Tensor, "M P F"]) -> Float[Tensor, "M P"]:
        """The moving variance after each of the segments, from the first on."""
        running = Moving(self)
        m_P = torch.ones(obs_MPF.shape[1], dtype=torch.long)
        return torch.stack([running.seen(obs_PF, m * m_P) for m, obs_PF in enumerate(obs_MPF, 1)])


class Moving:
    """A `Still` in the middle of episodes; a row whose segment is 1 begins a new one."""

    def __init__(self, rule: Still) -> None:
        self.rule, self.observation = rule, rule.observation
        self.mean_B = self.variance_B = torch.zeros((), dtype=torch.float64)

    def seen(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """The variance with what is seen now."""
        value_B = obs_BF[:, _ENTROPY].double()
        mean_B = torch.where(m_B == 1, value_B, self.mean_B)
        variance_B = torch.where(m_B == 1, 0.0, self.variance_B)
        self.mean_B, self.variance_B = moved(mean_B, variance_B, value_B, self.rule.rate)
        return self.variance_B

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        still_B = self.seen(obs_BF, m_B) < self.rule.delta
        return still_B & (m_B >= self.rule.patience)

    def keep(self, index_K: Int[Tensor, " K"]) -> None:
        """Rows that go on; the others have left."""
        self.mean_B, self.variance_B = (
            part_B[index_K.to(part_B.device)] for part_B in (self.mean_B, self.variance_B)
        )
