"""Halting rules: policies that are written down rather than learned, each with one knob.

`rule("stable-2")` makes one from its name. `first_correct` is no rule but an ORACLE: it looks at
the solution, and shows what halting could be worth at most.

Shapes: B slots, F features, P puzzles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.bank import Bank, Halted, observe
from hrm_rl.features import SCALARS
from hrm_rl.halting import Policy, greedy_q

_CONFIDENCE, _STABLE = SCALARS.index("confidence_min"), SCALARS.index("stable")


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
        lead_B2 = torch.stack([obs_BF[:, 0] - self.margin, obs_BF[:, 1]], -1)
        return greedy_q(lead_B2, self.tie)


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


@dataclass(frozen=True)
class Confidence:
    """Halt where even the least sure token has a probability above `threshold`.

    One wrong token makes an answer wrong, so it's as sure as its least sure token; the product over
    tokens, their joint probability if they were independent, is smaller still and depends on their
    number. Source: the softmax response of CALM (Schuster et al. 2022), by the weakest token.
    """

    threshold: float = 0.99
    """Knob: a probability."""
    observation: str = "scalars"

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return obs_BF[:, _CONFIDENCE] > self.threshold


@dataclass(frozen=True)
class StableFor:
    """Halt where the predicted answer has stayed the same for `segments` segments in a row.

    Sources: the patience of PABEE (Zhou et al. 2020); argmax stability in Geiping et al. 2025.
    """

    segments: int = 1
    """Knob: unchanged segments, from 1; the earliest halt is after one segment more."""
    observation: str = "scalars"

    def __post_init__(self) -> None:
        if self.segments < 1:
            raise ValueError(
                f"segments must be >= 1, got {self.segments}; to halt after segment 1: fixed-1"
            )

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return obs_BF[:, _STABLE] >= self.segments


RULES: Mapping[str, Callable[..., Policy]] = MappingProxyType(
    {
        "fixed": FixedSegments,
        "random": RandomHalting,
        "q": QGreedy,
        "trm": QThreshold,
        "confidence": Confidence,
        "stable": StableFor,
    }
)
"""Name -> constructor; its first argument is the knob, and has a default."""


def rule(name: str) -> Policy:
    """The rule of that name, with its default knob ("q") or one after a hyphen ("trm-0.9").

    Raises:
        ValueError: no such rule, or a knob that it does not take.
    """
    kind, hyphen, knob = name.partition("-")
    if kind not in RULES:
        raise ValueError(
            f'no rule "{name}"; there are {", ".join(RULES)}, with a knob as in fixed-8'
        )
    if not hyphen:
        return RULES[kind]()
    number = int if RULES[kind] in (FixedSegments, StableFor) else float
    try:
        value = number(knob)
    except ValueError:
        wanted = "a whole number" if number is int else "a number"
        raise ValueError(f'the knob of "{kind}" is {wanted}, got "{name}"') from None
    return RULES[kind](value)


def sweep(kind: str, bank: Bank, points: int = 25) -> list[Policy]:
    """A rule at knobs across their whole useful range on a bank, at most `points` of them.

    Thresholds are quantiles of the score they cut, over all segments and puzzles, so that scores
    near 0 or 1 do not hide between the knobs. No solution is looked at.

    Raises:
        ValueError: no such rule.
    """
    M = bank.max_segments
    if kind in ("fixed", "stable"):
        return [RULES[kind](m) for m in range(1, M + (kind == "fixed"))]
    if kind == "random":
        means = torch.linspace(1, M, points).tolist()
        return [RandomHalting(probability_of_mean(mean, M)) for mean in means]
    if kind not in RULES:
        raise ValueError(f'no rule "{kind}" to sweep; there are {", ".join(RULES)}')
    obs = torch.cat([observe(bank, RULES[kind]().observation, m, False) for m in range(1, M)])
    score = {
        "q": lambda: obs[:, 0] - obs[:, 1],
        "trm": lambda: obs[:, 0].double().sigmoid(),
        "confidence": lambda: obs[:, _CONFIDENCE],
    }[kind]()
    ranks = torch.linspace(0, len(score) - 1, points).round().long()
    knobs = score.double().sort().values[ranks].unique().tolist()
    return [RULES[kind](knob) for knob in knobs]


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
