"""Rules that take the Q-head's halt logit for that of P(halt), as stochastic learners train it.

Shapes: B slots, F features.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.rules.basic import LOGITS, knob
from hrm_rl.checks.numbers import whole
from hrm_rl.halting import MOST, SEEDS, Remembers


@dataclass(frozen=True)
class Sampled:
    """Halt by a coin of the head's own P(halt) = sigmoid(Q_halt + shift).

    Draws go on from call to call; two policies made alike decide alike. `stopping.outcome` scores it
    exactly over its coins with stochastic=True. Source: how PonderNet (2107.05407) halts.
    """

    shift: float = 0.0
    """Knob: added to the logit; 0 is the policy that was trained."""
    seed: int = 0
    observation: str = "q"
    _generator: torch.Generator = field(
        default_factory=torch.Generator, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        knob("shift", self.shift, *LOGITS)
        self._generator.manual_seed(whole("seed", self.seed, low=0, high=SEEDS))

    def probability(
        self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        return (obs_BF[:, 0].double() + self.shift).sigmoid()

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        coin_B = torch.rand(len(m_B), generator=self._generator, dtype=torch.float64)
        return coin_B.to(m_B.device) < self.probability(obs_BF, m_B)


@dataclass(frozen=True)
class Cumulative(Remembers):
    """Halt where the values sigmoid(Q_halt) of all segments so far add up to `threshold`.

    Source: Graves 2016 (1603.08983), who stops at 1 - 0.01.
    """

    threshold: float = 0.99
    """Knob: a sum of probabilities, so it may exceed 1."""
    observation: str = "q"

    def __post_init__(self) -> None:
        knob("threshold", self.threshold, 0, MOST)

    def begin(self, rows: int) -> Adding:
        return Adding(self)


class Adding:
    """A `Cumulative` in the middle of episodes; a row whose segment is 1 begins a new one."""

    def __init__(self, rule: Cumulative) -> None:
        self.rule, self.observation, self.sum_B = rule, rule.observation, torch.zeros(())

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        self.sum_B = torch.where(m_B == 1, 0, self.sum_B) + obs_BF[:, 0].sigmoid()
        return self.sum_B >= self.rule.threshold

    def keep(self, index_K: Int[Tensor, " K"]) -> None:
        """Rows that go on; the others have left."""
        self.sum_B = self.sum_B[index_K.to(self.sum_B.device)]
