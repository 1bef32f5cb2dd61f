"""The halting problem: what is seen, what is earned, when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from hrm_rl.envs.reward import REWARDS


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

    def __post_init__(self) -> None:
        if self.reward not in REWARDS:
            raise ValueError(f"reward must be one of {', '.join(REWARDS)}, got {self.reward!r}")
        if self.max_segments < 2:
            raise ValueError(
                f"max_segments must be >= 2, got {self.max_segments}; with one segment there is "
                "nothing to decide"
            )
        if not 1 <= self.min_segments <= self.max_segments:
            raise ValueError(
                f"min_segments must be in 1..{self.max_segments}, got {self.min_segments}; "
                "max_segments is the last segment that can be halted at"
            )
