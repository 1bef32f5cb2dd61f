"""Training runs by name: every variant is a change of one base config.

"act_q", "ppo", "fixed-8" ... are halting learners (`hrm_rl.training.joint`); "act_q-official",
"ppo-budget" and their like are in `CHANGES`; "random-matched" and others of `MATCHED` draw their lengths
from the histograms of another run. "NAME@M" is NAME trained with at most M segments, and
"NAME+FIELD=VALUE" NAME with another value of a field of `TrainConfig`: "ppo-budget+price=budget:4@8".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from hrm_rl.checks.numbers import choice, distinct
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import pays
from hrm_rl.training.presets.halting import BUDGET, SEEING, SEES

_Q = {"halting": "act_q"}
CHANGES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "act_q": {"edge": "exact", "bootstrap": "delayed", "explore": "episode"},
        "act_q-paper": _Q | {"edge": "paper", "bootstrap": "extra", "explore": "episode"},
        "act_q-official": _Q | {"edge": "paper", "bootstrap": "extra", "explore": "segment"},
        "act_q-detached": _Q | {"bootstrap": "delayed", "attach": False},
        "ppo": {"explore_probability": 0.0},
        "a2c": {"explore_probability": 0.0},
        "ppo-seeing": {"halting": "ppo", **SEEING},
        "ppo-budget": {"halting": "ppo", **SEEING, **BUDGET},
        "a2c-seeing": {"halting": "a2c", **SEEING},
        "a2c-budget": {"halting": "a2c", **SEEING, **BUDGET},
        "exact_pg-seeing": {"halting": "exact_pg", **SEES},
        "exact_pg-budget": {"halting": "exact_pg", **SEES, **BUDGET},
    }
)
"""Variants of the paper's Q-learning: exact and fast; as the paper has it; as the public code has it.
Actor-critics explore by their coins alone, unless it is said how else; bare, or "seeing", with the
auxiliary loss and coins that stay uncertain, at a constant price or at a budget of segments."""

OWN = ("model", "data", "halting", "seed", "steps", "max_segments", "log_every", "save_every")
"""Fields that a name does not change: they are the grid's."""

MATCHED: Mapping[str, str] = MappingProxyType(
    {
        "random-matched": "act_q",
        "random-drift-matched": "act_q",
        "random-drift-ppo": "ppo-budget",
    }
)
"""Dice -> the variant of the same seed whose lengths they copy, as they were over the whole run, or, as
they drifted, in each of its sixteen parts."""

SAVES = 16
"""Checkpoints of a run: what a kill can cost is a sixteenth of it."""


def config_of(
    name: str,
    base: TrainConfig,
    seed: int,
    step_cost: float = 0.0,
    lengths: Sequence[Sequence[int]] = (),
) -> TrainConfig:
    """The config of a variant.

    Args:
        step_cost: for the learners that pay one; it changes nothing for the others.
        lengths: for those of `MATCHED`: how often the run that it copies halted at 1, 2, ..., in each of
            its parts.

    Raises:
        ValueError: no such learner, or a base that cannot be trained so.
    """
    named, at, limit = name.partition("@")
    kind, *settings = named.split("+")
    if at and not limit.isdecimal():
        raise ValueError(f'what follows @ is max_segments, a whole number, got "{name}"')
    max_segments = limit_of(name, base.max_segments)
    if max_segments < 2:
        raise ValueError(
            f'max_segments must be >= 2 to have a choice, got {max_segments} ("{name}")'
        )
    halting = (
        _dice(kind, lengths) if kind in MATCHED else CHANGES.get(kind, {}).get("halting", kind)
    )
    every = _checkpoint_every(base)
    changes: dict[str, Any] = {
        "halting": halting,
        "seed": seed,
        "max_segments": max_segments,
        "step_cost": step_cost if pays(halting) else 0.0,
        "save_every": every,
        "log_every": next(n for n in range(min(base.log_every, every), 0, -1) if every % n == 0),
    }
    return replace(base, **(changes | dict(CHANGES.get(kind, {})) | _values(settings, base)))


def _dice(kind: str, lengths: Sequence[Sequence[int]]) -> str:
    """The learner that draws such lengths; in a part in which nothing halted, as over the whole run."""
    whole = [sum(counts) for counts in zip(*lengths, strict=True)] or [1]
    drifts = kind.startswith("random-drift-")
    parts = [counts if any(counts) else whole for counts in lengths] if drifts else []
    return "random-" + "/".join(":".join(map(str, part)) for part in parts or [whole])


def _values(settings: Sequence[str], base: TrainConfig) -> dict[str, Any]:
    """Fields and values as a name says them, of the kinds that the fields have.

    Raises:
        ValueError: no such field, or no such value.
    """
    there = {f.name: getattr(base, f.name) for f in fields(base) if f.name not in OWN}
    plain = {name: type(v) for name, v in there.items() if isinstance(v, (bool, int, float, str))}
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or "/" in setting:
            raise ValueError(
                f'what follows + is a field and its value, as ppo+price=budget:4, got "{setting}"'
            )
        kind = plain[choice("the field of a variant", name, plain)]
        try:
            found[name] = {"True": True, "False": False}[value] if kind is bool else kind(value)
        except (KeyError, ValueError):
            raise ValueError(
                f"{name} must be a value like {there[name]!r}, got {value!r}"
            ) from None
    return found


def limit_of(name: str, max_segments: int) -> int:
    """The most segments that a variant is trained with, of a base that has `max_segments`."""
    _, at, limit = name.partition("@")
    return int(limit) if at else max_segments


def matched_to(name: str) -> str:
    """The variant whose lengths `name` copies; "" if it copies none."""
    named, at, limit = name.partition("@")
    source = MATCHED.get(named.partition("+")[0], "")
    return f"{source}{at}{limit}" if source else ""


def _checkpoint_every(base: TrainConfig) -> int:
    """A sixteenth of the run: at some of these checkpoints it is scored."""
    if base.steps % SAVES:
        nearest = max(SAVES, base.steps - base.steps % SAVES)
        raise ValueError(f"steps must be a multiple of {SAVES}, got {base.steps}; take {nearest}")
    return base.steps // SAVES


def check(names: Sequence[str], base: TrainConfig, step_cost: float = 0.0) -> None:
    """Refuse a grid that cannot be run, before anything is.

    Raises:
        ValueError: a name that is no variant, one given twice, or one whose model is missing.
    """
    for name in distinct("learners", names):
        if (source := matched_to(name)) and source not in names:
            raise ValueError(f'"{name}" copies the lengths of "{source}": name that too')
        config_of(name, base, 0, step_cost)
