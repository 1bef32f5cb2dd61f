"""Rules with a third action, restart: what is compared with `stopping.restart_snell` and with learners.

They see an observation of the environment with restarts: columns, the copy's number, its own segments
/ max_segments, the score of the kept answer, and the time. Those with `halt_at` halt where Q_halt of the
kept answer, as a probability, is above it; an answer that verifies is.

Shapes: B rows, F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.features import OBSERVATIONS, SCALARS
from hrm_rl.halting import CONTINUE, HALT, MOST, RESTART, Policy, decide
from hrm_rl.stopping.restarts import RestartPolicy

KEPT, COPIES = -2, slice(-4, -1)
"""Where the kept score, and all that restarts add, stand in a time-aware observation."""


@dataclass(frozen=True)
class NeverRestart:
    """A halting policy that sees no more than without restarts, and may not remember."""

    halting: Policy

    def __post_init__(self) -> None:
        if hasattr(self.halting, "begin") or not getattr(self.halting, "time_aware", True):
            raise ValueError(
                f"the halting policy must see the time and remember nothing, got "
                f"{type(self.halting).__name__}; take another rule"
            )

    @property
    def observation(self) -> str:
        return self.halting.observation

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        own_BF = torch.cat([obs_BF[:, : COPIES.start], obs_BF[:, COPIES.stop :]], 1)
        return torch.where(decide(self.halting, own_BF, m_B), HALT, CONTINUE)


@dataclass(frozen=True)
class RestartAt:
    """Leaves a copy after so many segments of its own, and halts when the kept answer is sure enough.

    With answers that show whether they are right, the best number is `pandora.index`.
    """

    segments: int = 4
    """Knob: own segments of a copy."""
    halt_at: float = 0.5
    """Knob: Q_halt, a probability."""
    max_segments: int = 16
    """Of the environment, which scales what is seen."""
    observation: str = "scalars"

    def __post_init__(self) -> None:
        whole("segments", self.segments, low=1, high=MOST)
        real("halt_at", self.halt_at, low=0, high=1)
        whole("max_segments", self.max_segments, low=2, high=MOST)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        own_B = (obs_BF[:, -3] * self.max_segments).round()
        return _either(_sure(obs_BF, self.halt_at), own_B >= self.segments)


@dataclass(frozen=True)
class RestartStable:
    """Leaves a copy whose answer stands still and is unsure, and halts when the kept one is sure."""

    stable: int = 2
    """Knob: segments in a row without a changed cell."""
    halt_at: float = 0.5
    """Knob: Q_halt, a probability; what is below is unsure."""
    observation: str = "scalars"

    def __post_init__(self) -> None:
        whole("stable", self.stable, low=1, high=MOST)
        real("halt_at", self.halt_at, low=0, high=1)
        choice(
            "observation", self.observation, [OBSERVATIONS[1]], cure="it tells what stands still"
        )

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        still_B = obs_BF[:, SCALARS.index("stable")] >= self.stable
        unsure_B = obs_BF[:, 0].double().sigmoid() <= self.halt_at
        return _either(_sure(obs_BF, self.halt_at), still_B & unsure_B)


def restart_rules(max_segments: int) -> dict[str, RestartPolicy]:
    """Rules by name, at knobs over their useful range, for one to be chosen on a bank for fitting."""
    at = [m for m in (1, 2, 3, 4, 6, 8, 12) if m < max_segments]
    sure = (0.1, 0.5, 0.9, 0.99)
    found: dict[str, RestartPolicy] = {
        f"restart at {m}, halt at {p}": RestartAt(m, p, max_segments) for m in at for p in sure
    }
    return found | {
        f"restart if stable {s}, halt at {p}": RestartStable(s, p) for s in (1, 2, 3) for p in sure
    }


def _sure(obs_BF: Float[Tensor, "B F"], halt_at: float) -> Bool[Tensor, " B"]:
    return obs_BF[:, KEPT].double().sigmoid() > halt_at


def _either(halts_B: Bool[Tensor, " B"], restarts_B: Bool[Tensor, " B"]) -> Int[Tensor, " B"]:
    return torch.where(halts_B, HALT, torch.where(restarts_B, RESTART, CONTINUE))
