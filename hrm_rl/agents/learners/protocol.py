"""What a learner is: a function that takes an environment and returns a halting policy.

The diff of two learners shows the learning rule and nothing else: the environment, the observation,
its standardisation and the size of the network are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hrm_rl.banks.bank import Bank, checked
from hrm_rl.checks.numbers import real, whole
from hrm_rl.envs.config import HaltingConfig
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import MOST, Policy


class Learner(Protocol):
    """A function that fits a halting policy to an environment (autoreset mode SameStep)."""

    def __call__(
        self,
        env: HaltingVectorEnv,
        *,
        steps: int,
        seed: int,
        progress: Callable[[int], object] = ...,
    ) -> Policy: ...


def play_on(
    bank: Bank | str | Path,
    *,
    observation: str = "scalars",
    step_cost: float = 0.0,
    max_segments: int | None = None,
    slots: int = 64,
    time_aware: bool = True,
) -> HaltingVectorEnv:
    """The environment that a learner takes, on a bank: `learn(play_on(bank), steps=..., seed=...)`.

    Args:
        max_segments: the horizon; all segments of the bank if None. A bank of one segment more lets
            the paper's edge look there.

    Raises:
        ValueError: no bank, it is shorter, or was logged without the observation set, or a number is
            out of range.
    """
    found = HaltingConfig.of(bank=bank).bank
    if found is None:
        raise ValueError("bank must be a Bank, or the name or folder of one, got None")
    if max_segments is None:
        max_segments = checked(found).max_segments
    return HaltingVectorEnv(
        whole("slots", slots, low=1, high=MOST),
        bank=checked(found),
        puzzles=found.puzzles,
        observation=observation,
        step_cost=real("step_cost", step_cost, low=0),
        max_segments=whole("max_segments", max_segments, low=2, high=MOST),
        time_aware=time_aware,
        autoreset_mode="SameStep",
    )
