"""Halting learners of the joint regime, where the model is still learning, by name.

The trainer offers a learner each segment and asks it for decisions (`learner.JointLearner`). A new
one is a file with a class, and a line in `LEARNERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from hrm_rl.joint.act_q import ActQ
from hrm_rl.joint.halt_bce import HaltBCE
from hrm_rl.joint.learner import Draw, JointLearner, Memory, Seen, Segment, Terms

__all__ = [
    "LEARNERS",
    "Draw",
    "JointLearner",
    "Memory",
    "Seen",
    "Segment",
    "Terms",
    "joint_learner",
]


class LearnerConfig(Protocol):
    """What of a run's config the learners read."""

    @property
    def halting(self) -> str: ...
    @property
    def max_segments(self) -> int: ...
    @property
    def edge(self) -> str: ...
    @property
    def bootstrap(self) -> str: ...
    @property
    def tie(self) -> str: ...


LEARNERS: Final[dict[str, Callable[[LearnerConfig, str], JointLearner]]] = {
    "act_q": lambda c, knob: ActQ(c.max_segments, c.edge, c.bootstrap, c.tie),
    "halt_bce": lambda c, knob: HaltBCE(),
}
"""Makers of learners from a run's config and a knob, the text behind the "-" in "fixed-8"."""


def joint_learner(config: LearnerConfig) -> JointLearner:
    """The learner that `config.halting` names.

    Raises:
        ValueError: there is none of that name.
    """
    kind, _, knob = config.halting.partition("-")
    if kind not in LEARNERS:
        raise ValueError(f"halting must be one of {', '.join(LEARNERS)}, got {config.halting!r}")
    return LEARNERS[kind](config, knob)
