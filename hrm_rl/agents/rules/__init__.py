"""Halting rules: policies that are written down rather than learned, each with one knob.

`rule("stable-2")` makes one from its name, `name_of` tells it, `sweep` goes through its knob, and
`register_rule` adds one of yours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from types import MappingProxyType
from typing import Any

import torch

from hrm_rl.agents.rules.basic import (
    FixedSegments,
    QGreedy,
    QThreshold,
    RandomHalting,
    probability_of_mean,
)
from hrm_rl.agents.rules.coins import Cumulative, Sampled
from hrm_rl.agents.rules.moving import Still
from hrm_rl.agents.rules.thresholds import (
    MOST_STABLE,
    SCORES,
    Patience,
    Rising,
    StableFor,
    Threshold,
    TwoSided,
    knobs_across,
    rising_grid,
    two_sided_grid,
)
from hrm_rl.banks.bank import Bank, checked, observe
from hrm_rl.checks.numbers import choice, did_you_mean, identifier, whole
from hrm_rl.checks.plugin import is_plugin, made, plugin
from hrm_rl.features import Q_BOUND
from hrm_rl.halting import MOST, Policy, begun

_RULES: dict[str, Callable[..., Policy]] = {
    "fixed": FixedSegments,
    "random": RandomHalting,
    "q": QGreedy,
    "trm": QThreshold,
    "sampled": Sampled,
    "cumulative": Cumulative,
    "two-sided": TwoSided,
    "stable": StableFor,
    "patience": Patience,
    "rising": Rising,
    "eat": Still,
    **{kind: score.threshold for kind, score in SCORES.items()},
}
RULES: Mapping[str, Callable[..., Policy]] = MappingProxyType(_RULES)
"""Name -> constructor; its first arguments are the knobs, and have defaults."""

_KNOBS: dict[type, tuple[str, ...]] = {
    FixedSegments: ("segments",),
    RandomHalting: ("probability",),
    QGreedy: ("margin",),
    QThreshold: ("threshold",),
    Sampled: ("shift",),
    Cumulative: ("threshold",),
    TwoSided: ("upper", "lower", "patience"),
    Rising: ("upper", "shift", "ceiling", "slope"),
    Still: ("delta", "rate", "patience"),
    StableFor: ("segments",),
    Patience: ("segments",),
    Threshold: ("knob",),
}
KNOBS: Mapping[type, tuple[str, ...]] = MappingProxyType(_KNOBS)
"""Class of a rule -> names of its knobs, in their order. What is no key here is no rule."""
GRIDS = ("two-sided", "rising")
"""Kinds of which two knobs are swept at once."""
LEAST_POINTS: Mapping[str, int] = MappingProxyType(
    {**dict.fromkeys(GRIDS, 9), "sampled": 5, "cumulative": 4}
)
"""Kind -> the fewest points of a sweep; 3 for the others."""


_SWEEPS: dict[str, Callable[[Bank, int], Sequence[Policy]]] = {}
"""Rules that were registered -> what `sweep` makes of them."""


def rule(name: str, **settings: Any) -> Policy:
    """The rule of that name, with its default knobs ("q") or some of its own ("two-sided-0.9-0.02").

    A rule of one's own is named by its file: "my_rules.py:Settled" (`checks.plugin`), a policy there,
    or a class or function that makes one. So is one that was fitted, "mine.safetensors", or one of
    those that ship, "sudoku9-exact_pg" (`agents.trained`).

    Args:
        settings: the same by keyword, `rule("two-sided", lower=0.02)`, and what else it takes (a seed).

    Raises:
        ValueError: no such rule, knobs or settings that it does not take, or what a file holds is no
            policy.
    """
    if not isinstance(name, str):
        raise ValueError(f'a rule is named by a text, as "fixed-8", got {name!r:.60}')
    if is_plugin(name):
        return _of_file(name)
    kind = kind_of(name)
    if not kind:
        from hrm_rl.agents.trained import is_saved, load_policy  # torch modules that rules need not

        if is_saved(name):
            return load_policy(name)
        raise ValueError(_no_rule(name))
    default = RULES[kind]()
    # A hyphen after a hyphen is a sign, and so is one after an e.
    words = re.split(r"(?<=[^-e])-", name[len(kind) + 1 :]) if name != kind else []
    knobs = KNOBS[type(default)]
    if len(words) > len(knobs):
        raise ValueError(f'"{kind}" has no more knobs than {", ".join(knobs)}, got "{name}"')
    values = []
    for knob, word in zip(knobs, words, strict=False):
        number = type(getattr(default, knob))
        try:
            values.append(number(word if word.isascii() and "_" not in word else ""))
        except ValueError:
            wanted = "a whole number" if number is int else "a number"
            raise ValueError(f'{knob} of "{kind}" must be {wanted}, got "{name}"') from None
    for word in settings:
        choice(
            f'a setting of "{kind}"', word, list(signature(RULES[kind]).parameters)[len(values) :]
        )
    try:
        return RULES[kind](*values, **settings)
    except ValueError as error:
        raise ValueError(f'"{name}" is no rule: {error}') from None


def register_rule(
    name: str,
    make: Callable[..., Policy],
    knobs: Sequence[str] = (),
    sweep: Callable[[Bank, int], Sequence[Policy]] | None = None,
) -> None:
    """Give a rule of yours a name, so that `rule("name-0.5")` and a comparison know it.

        register_rule("settled", Settled, knobs=("change",))

    Args:
        make: its class, or a function that makes it; without arguments, with its default knobs.
        knobs: attributes, and first arguments of `make`, that follow in a name; each a number.
        sweep: of a bank and a number of points: the rule at knobs from the one that halts last to the
            one that halts first, without a look at solutions. Left out, it is compared as it is.

    Raises:
        ValueError: a name that is taken, or reads as another rule with a knob; or what makes no policy
            with such knobs.
    """
    identifier("a rule", name, RULES)
    if kind := kind_of(name):
        raise ValueError(f'"{name}" reads as the rule "{kind}" with a knob; choose another name')
    if not callable(make):
        raise ValueError(
            f'"{name}" must be a class or function that makes a policy, got {make!r:.60}'
        )
    try:
        default = begun(make(), 1)
    except TypeError as error:
        raise ValueError(
            f'"{name}" must be made without arguments, by its defaults: {error}'
        ) from None
    for knob in knobs:
        if type(getattr(default, knob, None)) not in (int, float):
            got = f"{getattr(default, knob, None)!r:.60}"
            raise ValueError(f'{knob} of "{name}" must be a number that it holds, got {got}')
    _RULES[name], _KNOBS[type(make())] = make, tuple(knobs)
    _SWEEPS[name] = sweep or (lambda bank, points: [make()])


def _of_file(name: str) -> Policy:
    """The policy that a user's own file holds or makes."""
    found = plugin(name)
    if isinstance(found, type) or not hasattr(found, "observation"):
        found = made(name)
    if isinstance(found, type) or not callable(found):
        raise ValueError(
            f"{name} is no halting rule: it must be called with what is seen and the segment numbers, "
            f"got {type(found).__name__}"
        )
    if not isinstance(getattr(found, "observation", None), str):
        raise ValueError(
            f"{name} is no halting rule: it says what it sees by an attribute `observation`, such as "
            '"scalars"'
        )
    policy: Policy = found
    return policy


def _no_rule(name: Any) -> str:
    from hrm_rl.agents.trained import shipped

    near = did_you_mean(re.split(r"[-_ ]?\d", str(name))[0].replace("_", "-").lower(), RULES)
    near = near or did_you_mean(name, shipped())
    there = f'no rule "{name}"; there are {", ".join(RULES)}, with a knob as in fixed-8'
    if str(name).endswith(".zip"):
        near = (
            "score reads what stable-baselines3 saved; for all else keep it by hrm_rl.save_policy"
        )
    return there + f" ({near})" * bool(near)


def kind_of(name: str) -> str:
    """The kind of rule that a name begins with ("stable-2": "stable"); "" if none."""
    return max((kind for kind in RULES if f"{name}-".startswith(f"{kind}-")), key=len, default="")


def name_of(policy: Policy) -> str:
    """The name that `rule` makes this policy from, all knobs spelt out.

    Raises:
        ValueError: no rule, or one that differs from its kind in more than knobs.
    """
    knobs = [str(getattr(policy, knob)) for knob in KNOBS.get(type(policy), ())]
    for kind in RULES:
        name = "-".join([kind, *knobs])
        if knobs and type(RULES[kind]()) is type(policy) and rule(name) == policy:
            return name
    raise ValueError(f"no rule by name is {policy}; names tell of knobs alone")


def sweep(kind: str, bank: Bank, points: int = 25) -> list[Policy]:
    """A rule at knobs across their whole useful range on a bank, at most `points` of them.

    They lead from the rule that halts last to the one that halts first. Thresholds are quantiles of
    the score they cut, over all segments and puzzles. No solution is looked at.

    Raises:
        ValueError: no such rule, or too few points (5; 9 for those of `GRIDS`).
    """
    M = checked(bank).max_segments
    if kind not in RULES:
        raise ValueError(f'no rule "{kind}" to sweep; there are {", ".join(RULES)}')
    points = whole("points", points, low=LEAST_POINTS.get(kind, 3), high=MOST)
    if kind in _SWEEPS:
        return list(_SWEEPS[kind](bank, points))
    if kind in ("fixed", "stable", "patience"):
        last = M if kind == "fixed" else min(max(M - 1, 1), MOST_STABLE)
        return [RULES[kind](m) for m in range(last, 0, -1)]
    if kind == "random":
        means = torch.linspace(M, 1, points).tolist()
        return [RandomHalting(probability_of_mean(mean, M)) for mean in means]
    seen = RULES[kind]().observation
    obs_MPF = torch.stack([observe(bank, seen, m, False) for m in range(1, max(M, 2))])
    obs = obs_MPF.flatten(0, 1)
    if kind == "q":
        return [QGreedy(knob) for knob in knobs_across(obs[:, 0] - obs[:, 1], points)]
    if kind in SCORES:
        score = SCORES[kind]
        return [Threshold(score, knob) for knob in knobs_across(score.of(obs), points, score.above)]
    if kind == "sampled":
        fair = knobs_across(-obs[:, 0], points - 2, above=False)
        return [
            Sampled(fair[0] - Q_BOUND),
            *(Sampled(shift) for shift in fair),
            Sampled(fair[-1] + Q_BOUND),
        ]
    if kind == "cumulative":
        sums = knobs_across(obs_MPF[..., 0].sigmoid().cumsum(0).flatten(), points - 1)
        return [Cumulative(float(M)), *(Cumulative(knob) for knob in sums)]
    if kind == "eat":
        variance_MP = Still().variances(obs_MPF)
        free_N = variance_MP[min(Still().patience, len(variance_MP)) - 1 :].flatten()
        return [Still(knob) for knob in knobs_across(free_N, points, above=False)]
    p_N = obs[:, 0].double().sigmoid()
    if kind == "trm":
        return [QThreshold(knob) for knob in knobs_across(p_N, points)]
    if kind == "rising":
        return list(rising_grid(p_N, points, M))
    return list(two_sided_grid(p_N, points))
