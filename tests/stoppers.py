"""Policies that read a synthetic bank, and chains and step costs to draw for them.

Shapes: B rows, F features.
"""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from hrm_rl.banks.synthetic import Chain

probability = st.floats(0.02, 0.98)
chains = st.one_of(
    st.builds(Chain, st.integers(2, 6), probability, probability, loss=probability),
    st.builds(Chain, st.integers(2, 8), probability, probability, solvable=probability),
)
costs = st.floats(0, 0.5)


@dataclass(frozen=True)
class Coins:
    """Halts by a coin of P = sigmoid(a weighted sum of what it sees)."""

    weight_F: torch.Tensor
    observation: str = "o"
    time_aware: bool = True

    def probability(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return (obs_BF.double() @ self.weight_F).sigmoid()

    def __call__(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return self.probability(obs_BF, m_B) > 0.5


def coins(seed: int, features: int = 2) -> Coins:
    generator = torch.Generator().manual_seed(seed)
    return Coins(2 * torch.randn(features, generator=generator, dtype=torch.float64) - 0.5)


STEP_COST = 0.02


@dataclass(frozen=True)
class GiveUpAt:
    """Halts where it sees a right answer, and at segment `m`."""

    m: int
    observation: str = "o"

    def __call__(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return (obs_BF[:, 0] > 0.5) | (m_B >= self.m)


@dataclass(frozen=True)
class Sigmoid:
    """Halts by a coin of P = sigmoid(slope * o + bias * m / M)."""

    slope: float
    bias: float
    observation: str = "o"

    def probability(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return (self.slope * obs_BF[:, 0] + self.bias * obs_BF[:, -1]).sigmoid()

    def __call__(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return self.probability(obs_BF, m_B) > 0.5
