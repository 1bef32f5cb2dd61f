"""The rules that look at nothing, or at the model's own Q-head; and what no rule may look at.

`first_correct` is no rule but an ORACLE: it looks at the solution, and shows what halting could be
worth at most. Rules that look at the answer ("stable-2", "confidence") are in `thresholds`.

Shapes: B slots, F features, M segments, P puzzles.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.banks.bank import Bank, checked
from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.halting import MOST, SEEDS, Halted, greedy_q

LOGITS = (-1000.0, 1000.0)
"""Range of knobs on logits: observed ones lie in +-30, those of a bank made by hand may not."""
SLACK = 1e-3
"""How far a knob may lie beyond its range: the ends of a sweep lie just past the values seen."""


def knob(name: str, value: float, low: float, high: float) -> float:
    """A knob in its range; beyond it a rule halts always or never, whatever is seen.

    Raises:
        ValueError: it is not.
    """
    number = real(name, value)
    if not low - SLACK <= number <= high + SLACK:
        real(name, value, low=low, high=high, cure="beyond it the rule halts always or never")
    return number


@dataclass(frozen=True)
class FixedSegments:
    """Halt after a fixed number of segments, whatever is seen. The baseline of every comparison."""

    segments: int = 16
    """Knob: m, from 1."""
    observation: str = "q"

    def __post_init__(self) -> None:
        whole("segments", self.segments, low=1, high=MOST, cure="segment 1 always runs")

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
        real("probability", self.probability, low=0, high=1)
        self._generator.manual_seed(whole("seed", self.seed, low=0, high=SEEDS))

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

    def __post_init__(self) -> None:
        knob("margin", self.margin, *LOGITS)
        choice("tie", self.tie, ("continue", "halt"))

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

    def __post_init__(self) -> None:
        knob("threshold", self.threshold, 0, 1)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return obs_BF[:, 0].double().sigmoid() > self.threshold


def mean_of_probability(probability: float, max_segments: int) -> float:
    """Mean segments of `RandomHalting`, with the forced halt: the sum of (1 - p)^m over m < M."""
    probability = real("probability", probability, low=0, high=1)
    max_segments = whole("max_segments", max_segments, low=1, high=MOST)
    return sum((1 - probability) ** m for m in range(max_segments))


def probability_of_mean(mean: float, max_segments: int) -> float:
    """P(halt) at which `RandomHalting` runs `mean` segments on average; by bisection.

    Raises:
        ValueError: a mean outside [1, max_segments].
    """
    mean, max_segments = real("mean", mean), whole("max_segments", max_segments, low=1, high=MOST)
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

    Raises:
        ValueError: no bank.
    """
    ever_P = checked(bank).correct_MP.any(0)
    first_P = bank.correct_MP.int().argmax(0) + 1
    return Halted(torch.where(ever_P, first_P, 1 if give_up else bank.max_segments), ever_P)
