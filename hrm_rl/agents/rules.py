"""Halting rules: policies that are written down rather than learned, each with one knob.

`rule("stable-2")` makes one from its name, and `name_of` tells it. Rules that cut a score are in
`agents/thresholds.py`. `first_correct` is no rule but an ORACLE: it looks at the solution, and shows
what halting could be worth at most.

Shapes: B slots, F features, P puzzles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.coins import Cumulative, Sampled
from hrm_rl.agents.thresholds import (
    SCORES,
    Patience,
    StableFor,
    Threshold,
    TwoSided,
    knobs_across,
    two_sided_grid,
)
from hrm_rl.bank import Bank, Halted, observe
from hrm_rl.features import Q_BOUND
from hrm_rl.halting import Policy, greedy_q


@dataclass(frozen=True)
class FixedSegments:
    """Halt after a fixed number of segments, whatever is seen. The baseline of every comparison."""

    segments: int = 16
    """Knob: m, from 1."""
    observation: str = "q"

    def __post_init__(self) -> None:
        if self.segments < 1:
            raise ValueError(f"segments must be >= 1, got {self.segments}: segment 1 always runs")

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return m_B >= self.segments


@dataclass(frozen=True)
class RandomHalting:
    """Halt by a coin after every segment: what a number of segments buys without looking.

    Draws go on from call to call; two policies made alike decide alike.
    """

    probability: float = 0.1
    """Knob: P(halt) after each segment (`probability_of_mean` turns a mean into it)."""
    seed: int = 0
    observation: str = "q"
    _generator: torch.Generator = field(
        default_factory=torch.Generator, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        self._generator.manual_seed(self.seed)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        coin_B = torch.rand(len(m_B), generator=self._generator)
        return (coin_B < self.probability).to(m_B.device)


@dataclass(frozen=True)
class QGreedy:
    """Halt where Q_halt > Q_continue: the paper's rule, on the logits of the model's own Q-head.

    Source: Wang et al. 2025 (HRM), section "Adaptive computational time".
    """

    margin: float = 0.0
    """Knob: by how many logits Q_halt has to lead; 0 in the paper."""
    tie: str = "continue"
    """At equality: "continue" (the paper) or "halt"."""
    observation: str = "q"

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        lead_B = obs_BF[:, 0] - obs_BF[:, 1]
        return greedy_q(torch.stack([lead_B, torch.full_like(lead_B, self.margin)], -1), self.tie)


@dataclass(frozen=True)
class QThreshold:
    """Halt where the model's Q-head gives its answer more than `threshold` to be right: TRM's rule.

    Q_continue is not used. Source: Jolicoeur-Martineau 2025 (TRM), which halts at logit > 0.
    """

    threshold: float = 0.5
    """Knob: a probability."""
    observation: str = "q"

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return obs_BF[:, 0].double().sigmoid() > self.threshold


RULES: Mapping[str, Callable[..., Policy]] = MappingProxyType(
    {
        "fixed": FixedSegments,
        "random": RandomHalting,
        "q": QGreedy,
        "trm": QThreshold,
        "sampled": Sampled,
        "cumulative": Cumulative,
        "two-sided": TwoSided,
        "stable": StableFor,
        "patience": Patience,
        **{kind: score.threshold for kind, score in SCORES.items()},
    }
)
"""Name -> constructor; its first arguments are the knobs, and have defaults."""

KNOBS: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {
        FixedSegments: ("segments",),
        RandomHalting: ("probability",),
        QGreedy: ("margin",),
        QThreshold: ("threshold",),
        Sampled: ("shift",),
        Cumulative: ("threshold",),
        TwoSided: ("upper", "lower", "patience"),
        StableFor: ("segments",),
        Patience: ("segments",),
        Threshold: ("knob",),
    }
)
"""Class of a rule -> names of its knobs, in their order. What is no key here is no rule."""


def rule(name: str) -> Policy:
    """The rule of that name, with its default knobs ("q") or some of its own ("two-sided-0.9-0.02").

    Raises:
        ValueError: no such rule, or knobs that it does not take.
    """
    kind = kind_of(name)
    if not kind:
        raise ValueError(
            f'no rule "{name}"; there are {", ".join(RULES)}, with a knob as in fixed-8'
        )
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
            values.append(number(word))
        except ValueError:
            wanted = "a whole number" if number is int else "a number"
            raise ValueError(f'{knob} of "{kind}" must be {wanted}, got "{name}"') from None
    return RULES[kind](*values)


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
        ValueError: no such rule, or too few points (5; 9 for "two-sided", which is a grid).
    """
    M = bank.max_segments
    if kind not in RULES:
        raise ValueError(f'no rule "{kind}" to sweep; there are {", ".join(RULES)}')
    if kind in ("fixed", "stable", "patience"):
        return [RULES[kind](m) for m in range(M if kind == "fixed" else max(M - 1, 1), 0, -1)]
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
        return [score.threshold(knob) for knob in knobs_across(score.of(obs), points, score.above)]
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
    p_N = obs[:, 0].double().sigmoid()
    if kind == "trm":
        return [QThreshold(knob) for knob in knobs_across(p_N, points)]
    return list(two_sided_grid(p_N, points))


def mean_of_probability(probability: float, max_segments: int) -> float:
    """Mean segments of `RandomHalting`, with the forced halt: the sum of (1 - p)^m over m < M."""
    return sum((1 - probability) ** m for m in range(max_segments))


def probability_of_mean(mean: float, max_segments: int) -> float:
    """P(halt) at which `RandomHalting` runs `mean` segments on average; by bisection.

    Raises:
        ValueError: a mean outside [1, max_segments].
    """
    if not 1 <= mean <= max_segments:
        raise ValueError(f"mean must lie in [1, {max_segments}], got {mean}")
    low, high = 0.0, 1.0
    for _ in range(60):  # halves an interval of 1 down to rounding
        middle = (low + high) / 2
        if mean_of_probability(middle, max_segments) > mean:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def random_accuracy(accuracy_M: Float[Tensor, " M"], mean: float) -> float:
    """Accuracy of `RandomHalting` at `mean` segments, exactly, from the accuracy of each segment."""
    M = len(accuracy_M)
    p = probability_of_mean(mean, M)
    alive = torch.tensor([(1 - p) ** m for m in range(M)], dtype=torch.float64)
    halts = torch.cat([p * alive[:-1], alive[-1:]])
    return float(halts @ accuracy_M.double())


def first_correct(bank: Bank, give_up: bool = False) -> Halted:
    """ORACLE: halts at the first segment that is right. It looks at the solution; no policy can.

    Puzzles that are never right run to the last segment, or, with `give_up`, halt at once: then no
    policy has fewer segments at its accuracy, and none a higher accuracy.
    """
    ever_P = bank.correct_MP.any(0)
    first_P = bank.correct_MP.int().argmax(0) + 1
    return Halted(torch.where(ever_P, first_P, 1 if give_up else bank.max_segments), ever_P)
