"""What can be entered, and the policies that it brings to a track: a rule's knobs, a learner's fits.

Everything that is chosen among them is chosen on the fit bank, by `figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import NamedTuple

from hrm_rl.agents import rules
from hrm_rl.agents.comparison.curves import swept
from hrm_rl.agents.comparison.entrants import entrant
from hrm_rl.agents.learners import LEARNERS, learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import RULES
from hrm_rl.agents.trained import is_saved, read_saved
from hrm_rl.banks.bank import Bank
from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.checks.plugin import is_plugin, plugin
from hrm_rl.halting import Policy, begun

Curves = Sequence[Sequence[Policy]]
"""One list of policies for each seed."""


class Learning(NamedTuple):
    """How learners are fitted."""

    seeds: int = 5
    steps: int = 20_000
    """Decisions of each fit."""


def kind_of(name: str) -> str:
    """What an entry says that it is: "learner" or "rule".

    Raises:
        ValueError: neither.
    """
    if is_plugin(name):
        found = plugin(name)
        takes = signature(found).parameters if callable(found) else ()
        return "learner" if {"steps", "seed"} <= set(takes) else "rule"
    if name in LEARNERS:
        return "learner"
    if name.endswith(".zip") or is_saved(name) or rules.kind_of(name):
        return "rule"
    near = did_you_mean(name, [*RULES, *LEARNERS])
    cure = near or "name one that ships, or your own as my_rules.py:Settled"
    raise ValueError(f'no rule or learner "{name}"; {cure}')


def family(
    name: str,
    fit: Bank,
    max_segments: int,
    observation: str,
    costs: Sequence[float],
    learning: Learning,
) -> Curves | None:
    """The policies of an entrant on the fit bank of a track; None if it needs what that bank lacks.

    A learner is fitted once for each step cost and seed. A rule by its bare name ("stable") comes with
    all its knobs, one with a knob ("stable-2") with this. A file's own may be a policy, a class or
    function that makes one, a learner, or a list of policies.

    Args:
        fit: of one segment more than `max_segments`, where the paper's edge looks.

    Raises:
        ValueError: no such rule or learner.
    """
    if kind_of(name) == "learner":
        fits = learner(name)
        envs = [
            play_on(fit, observation=observation, step_cost=cost, max_segments=max_segments)
            for cost in costs
        ]
        return [
            [fits(env, steps=learning.steps, seed=seed) for env in envs]
            for seed in range(learning.seeds)
        ]
    bank = fit.first(max_segments)
    if is_saved(name) and (weights := read_saved(name).weights) and weights != fit.weights:
        return None
    sees = {*bank.columns, *(["q"] if "scalars" in bank.columns else [])}
    if name in RULES and begun(RULES[name](), 1).observation not in sees:
        return None
    policies = _rules(name, bank)
    return [policies] if all(policy.observation in sees for policy in policies) else None


def _rules(name: str, bank: Bank) -> list[Policy]:
    """A rule with one knob or with all of them, or what a user's file lists."""
    if is_plugin(name) and isinstance(found := plugin(name), list | tuple):
        if not found or not all(callable(p) and hasattr(p, "observation") for p in found):
            raise ValueError(f"{name} must be a list of policies, got {found!r:.60}")
        return list(found)
    if name in RULES:
        return swept(name, bank)
    return [entrant(name, bank)[2]]
