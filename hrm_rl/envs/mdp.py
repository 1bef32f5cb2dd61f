"""The halting problem: what is seen, what is earned, when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hrm_rl.checks.numbers import choice, flag, real, whole
from hrm_rl.envs.reward import REWARDS
from hrm_rl.features import RECALLS
from hrm_rl.models.copies import MOST

MOST_SEGMENTS: Final = 65_536
"""Far beyond any use; every engine keeps a table of that length."""


@dataclass(frozen=True)
class MDP:
    """The halting problem, whoever thinks and whatever about."""

    observation: str = "scalars"
    """Observation set, one of `features.OBSERVATIONS`, or of what a bank has."""
    reward: str = "exact"
    """What halting earns, one of `reward.REWARDS`."""
    step_cost: float = 0.0
    """Reward lost at every segment after the first."""
    max_segments: int = 16
    """Segment at which the episode ends by itself."""
    min_segments: int = 1
    """First segment that can be halted at; halting earlier counts as continuing."""
    time_aware: bool = True
    """Whether m / max_segments is the last column of the observation."""
    prediction: bool = True
    """Whether `info` holds the predicted tokens. On a bank it is faster without them."""
    restarts: int = 0
    """How often the next copy of the puzzle may be started in place of a segment of the present one; the
    third action, RESTART, is there if it is not 0."""
    recall: str = "best-q"
    """With restarts, which answer a halt gives, one of `features.RECALLS`."""

    def __post_init__(self) -> None:
        """What is right is kept as Python's own: a spec can then be written as JSON."""
        if not isinstance(self.observation, str):  # which sets there are, the engine's source knows
            raise ValueError(f"observation must be the name of a set, got {self.observation!r}")
        longest = whole(
            "max_segments", self.max_segments, low=2, high=MOST_SEGMENTS,
            cure="with one segment there is nothing to decide" if self.max_segments == 1 else "",
        )  # fmt: skip
        first = whole(
            "min_segments", self.min_segments, low=1, high=longest,
            cure="max_segments is the last segment that can be halted at",
        )  # fmt: skip
        right = {
            "reward": choice("reward", self.reward, REWARDS),
            "step_cost": real("step_cost", self.step_cost, low=0),
            "max_segments": longest,
            "min_segments": first,
            "time_aware": flag("time_aware", self.time_aware),
            "prediction": flag("prediction", self.prediction),
            "restarts": whole("restarts", self.restarts, low=0, high=min(longest, MOST) - 1),
            "recall": choice("recall", self.recall, RECALLS),
        }
        for name, value in right.items():
            object.__setattr__(self, name, value)

    @property
    def actions(self) -> int:
        """2, or 3 with restarts."""
        return 3 if self.restarts else 2
