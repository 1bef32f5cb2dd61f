"""Halting learners of the joint regime, where the model is still learning, by name.

The trainer offers a learner each segment and asks it for decisions (`learner.JointLearner`). A new
one is a file with a class, and a line in `LEARNERS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from hrm_rl.checks.plugin import is_plugin, made, plugin
from hrm_rl.models import AnyConfig
from hrm_rl.training.joint.a2c import A2C
from hrm_rl.training.joint.act_q import ActQ
from hrm_rl.training.joint.exact_pg import ExactPG
from hrm_rl.training.joint.external import External
from hrm_rl.training.joint.graves import Graves
from hrm_rl.training.joint.halt_bce import HaltBCE
from hrm_rl.training.joint.learner import (
    Draw,
    JointLearner,
    Memory,
    Price,
    Seen,
    Segment,
    Terms,
)
from hrm_rl.training.joint.ponder import Ponder
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.joint.prices import Ended, Priced, Schedule, schedule
from hrm_rl.training.joint.residual import Residual
from hrm_rl.training.joint.schedules import Drifting, Fixed, Random

__all__ = [
    "DRAWING",
    "INFERENCE",
    "LEARNERS",
    "Draw",
    "Ended",
    "JointLearner",
    "Memory",
    "Price",
    "Priced",
    "Schedule",
    "Seen",
    "Segment",
    "Terms",
    "inference_rule",
    "joint_learner",
    "pays",
    "pricing",
]


class LearnerConfig(Protocol):
    """What of a run's config the learners read."""

    @property
    def halting(self) -> str: ...
    @property
    def max_segments(self) -> int: ...
    @property
    def step_cost(self) -> float: ...
    @property
    def price(self) -> str: ...
    @property
    def slots(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def entropy_floor(self) -> float: ...
    @property
    def normalise_advantages(self) -> bool: ...
    @property
    def model(self) -> AnyConfig: ...
    @property
    def edge(self) -> str: ...
    @property
    def bootstrap(self) -> str: ...
    @property
    def tie(self) -> str: ...


def _ponder(config: LearnerConfig, knob: str) -> JointLearner:
    if knob not in ("", "uniform"):
        raise ValueError(
            f"{_got(config)}; the knob of ponder is its prior: ponder or ponder-uniform"
        )
    return Ponder(config.max_segments, None if knob else 0.2)


def _fixed(config: LearnerConfig, knob: str) -> JointLearner:
    M = config.max_segments
    segments = M if not knob else int(knob) if knob.isdecimal() else 0
    if not 1 <= segments <= M:
        raise ValueError(
            f"{_got(config)}; the knob of fixed is a number of segments from 1 to max_segments, {M}"
        )
    return Fixed(segments)


def _random(config: LearnerConfig, knob: str) -> JointLearner:
    try:
        parts = tuple(tuple(float(word) for word in part.split(":")) for part in knob.split("/"))
    except ValueError:
        parts = ((),)
    M = config.max_segments
    fit = all(0 < len(part) <= M and all(0 <= w < math.inf for w in part) for part in parts)
    if not fit or not all(map(sum, parts)):
        raise ValueError(
            f"{_got(config)}; the knob of random is how often 1, 2, ... segments are drawn, at most "
            f"max_segments ({M}) numbers >= 0 that are not all 0: random-1:5:3:2, or such numbers "
            "for each of some equal parts of the run: random-1:5:3/0:1:4"
        )
    if len(parts) == 1:
        return Random(parts[0])
    return Drifting(tuple(part + (0.0,) * (M - len(part)) for part in parts), config.steps)


def _residual(config: LearnerConfig, knob: str) -> JointLearner:
    try:
        change = float(knob or 0.03)
    except ValueError:
        change = math.nan
    if not 0 < change < math.inf:
        raise ValueError(
            f"{_got(config)}; the knob of residual is a relative change > 0: residual-0.05"
        )
    return Residual(change)


def _options(config: LearnerConfig) -> dict[str, Any]:
    """Of an actor-critic."""
    return {"entropy_floor": config.entropy_floor, "normalise": config.normalise_advantages}


def _got(config: LearnerConfig) -> str:
    return f"halting is {config.halting!r}"


LEARNERS: Mapping[str, Callable[[LearnerConfig, str], JointLearner]] = MappingProxyType(
    {
        "act_q": lambda c, knob: ActQ(c.max_segments, c.edge, c.bootstrap, c.tie),
        "halt_bce": lambda c, knob: HaltBCE(),
        "ponder": _ponder,
        "graves": lambda c, knob: Graves(c.max_segments),
        "exact_pg": lambda c, knob: ExactPG(c.max_segments),
        "ppo": lambda c, knob: PPO(c.max_segments, **_options(c)),
        "a2c": lambda c, knob: A2C(c.max_segments, **_options(c)),
        "fixed": _fixed,
        "random": _random,
        "residual": _residual,
        "external": lambda c, knob: External(c.model),
    }
)
"""Makers of learners from a run's config and a knob, the text behind the "-" in "fixed-8"."""

KNOBS = ("ponder", "fixed", "random", "residual")
"""The kinds that take one."""

PAYING = ("exact_pg", "ppo", "a2c", "external")
"""The kinds that pay a step cost."""

DRAWING = ("ppo", "a2c")
"""The actor-critics."""


def pays(halting: str) -> bool:
    """Whether the learner of this name pays for segments."""
    return halting.partition("-")[0] in PAYING


def pricing(config: LearnerConfig) -> Schedule:
    """What a continue costs when, by `config.price` and `config.step_cost`.

    Raises:
        ValueError: there is no such schedule.
    """
    return schedule(config.price, config.step_cost, config.max_segments, config.slots)


def joint_learner(config: LearnerConfig) -> JointLearner:
    """The learner that `config.halting` names.

    One of one's own is named by its file, "mine.py:Joint" (`checks.plugin`): a class or function that
    makes one of the config.

    Raises:
        ValueError: there is none of that name, or it does not take that knob or a step cost.
    """
    check_halting(config)
    if is_plugin(config.halting):
        return _of_file(config)
    kind, _, knob = config.halting.partition("-")
    return LEARNERS[kind](config, knob)


def check_halting(config: LearnerConfig) -> None:
    """Refuse what is no learner; a user's own file is not run yet, since a config may come from a file.

    Raises:
        ValueError: as `joint_learner`.
    """
    if not 0 <= config.step_cost < math.inf:
        raise ValueError(f"step_cost must be a number >= 0, got {config.step_cost}")
    if is_plugin(config.halting):
        return
    kind, hyphen, knob = config.halting.partition("-")
    if kind not in LEARNERS:
        raise ValueError(f"halting must be one of {', '.join(LEARNERS)}, got {config.halting!r}")
    if hyphen and kind not in KNOBS:
        raise ValueError(f'{_got(config)}, and {kind} takes no knob; write halting="{kind}"')
    if config.step_cost and kind not in PAYING:
        why = ": a Q that is a probability cannot be negative" * (kind in ("act_q", "halt_bce"))
        raise ValueError(
            f"{kind} pays no step cost{why}; leave step_cost at 0, got {config.step_cost}, or choose "
            f"from {', '.join(PAYING)}"
        )
    pricing(config)  # refuses what it does not know
    if config.price != "constant" and kind not in PAYING:
        raise ValueError(
            f"{kind} pays for no segments, got price {config.price!r}; leave it out, or choose from "
            f"{', '.join(PAYING)}"
        )
    if kind not in DRAWING and (config.entropy_floor or config.normalise_advantages):
        raise ValueError(
            f"entropy_floor and normalise_advantages are for {' and '.join(DRAWING)}, and halting is "
            f"{config.halting!r}; leave them out"
        )
    LEARNERS[kind](config, knob)  # refuses a knob that it does not take


def _of_file(config: LearnerConfig) -> JointLearner:
    """What a user's own file makes of the config."""
    found: JointLearner = made(config.halting, config)
    lacking = [name for name in ("explores", "bias", *_METHODS) if not hasattr(found, name)]
    if isinstance(found, type) or lacking:
        raise ValueError(
            f"{config.halting} is no halting learner: it has no {' and no '.join(lacking)}; "
            "hrm_rl.training.joint.learner.JointLearner says what one has"
        )
    return found


_METHODS = ("begin", "decide", "learn")


INFERENCE: Mapping[str, str] = MappingProxyType(
    {
        "act_q": "q",
        "halt_bce": "trm",
        "ponder": "trm",
        "graves": "cumulative",
        "exact_pg": "trm",
        "ppo": "trm",
        "a2c": "trm",
        "fixed": "fixed",
        "random": "fixed",
        "residual": "residual",
        "external": "fixed",
    }
)
"""Kind of learner -> the rule (`agents.rules`) that reads its head as it meant it.

Those that draw ("ponder", "exact_pg", "ppo", "a2c") halt where P(halt) > 1/2, which is "trm"; "sampled"
tosses their coins. What has no rule of its own runs to the end.
"""


def inference_rule(halting: str) -> str:
    """The rule that goes with a run's `halting`, with its knob where both have the same one.

    A learner of one's own names it by an attribute `inference`; without, it runs to the end.
    """
    if is_plugin(halting):
        return str(getattr(plugin(halting), "inference", "fixed"))
    kind = halting.partition("-")[0]
    rule = INFERENCE[kind]
    return halting if rule == kind and kind in KNOBS else rule
