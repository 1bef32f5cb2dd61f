"""Threshold rules: halt where a score of what is seen lies beyond a knob.

They differ in the score they cut and in which direction, so they are one dataclass, `Threshold`, and
one table, `SCORES`. `TwoSided` and `Rising` cut one score twice: confident above, hopeless below.
`StableFor` cuts a count.

All read one observation and keep nothing between calls. What compares two segments is a column of
the observation, with a value for the first segment (`features.SCALARS`).

Shapes: B slots, F features, K columns, N values of a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.rules.basic import knob
from hrm_rl.checks.numbers import real, whole
from hrm_rl.features import SCALARS
from hrm_rl.halting import MOST

_STABLE = SCALARS.index("stable")
MOST_STABLE = 64
"""Unchanged segments that an observation counts (`features.bounds`)."""
_NATS = 6.0  # more than the logarithm of 256 tokens


@dataclass(frozen=True)
class Score:
    """What a threshold rule cuts, in which direction, and at which knob unless told otherwise."""

    columns: tuple[int, ...]
    """Columns of the observation; where there are several, each has to pass."""
    above: bool
    """Halt above the knob; otherwise below it."""
    default: float
    source: str
    """Who halts so, and where it comes from."""
    most: float = 1.0
    """The highest value of the score; the lowest is 0."""

    def of(self, obs_BF: Float[Tensor, "B F"]) -> Float[Tensor, " B"]:
        """The score of every row: of several columns the one that passes last."""
        columns_KB = [obs_BF[:, column] for column in self.columns]
        return torch.stack(columns_KB).amin(0) if self.above else torch.stack(columns_KB).amax(0)

    def threshold(self, level: float | None = None, observation: str = "scalars") -> Threshold:
        """The rule that cuts this score at `level`, or at the default.

        Raises:
            ValueError: no value of the score is near it.
        """
        level = self.default if level is None else knob("knob", level, 0, self.most)
        return Threshold(self, level, observation)


@dataclass(frozen=True)
class Threshold:
    """Halt where a score is above `knob` (or below it, if `score.above` is false), strictly."""

    score: Score
    knob: float
    observation: str = "scalars"

    def __post_init__(self) -> None:
        real("knob", self.knob)  # a sweep of a bank made by hand may lie anywhere

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        score_B = self.score.of(obs_BF)
        return score_B > self.knob if self.score.above else score_B < self.knob


def _cut(names: str, direction: str, default: float, source: str, most: float = 1.0) -> Score:
    columns = tuple(SCALARS.index(name) for name in names.split())
    return Score(columns, direction == "above", default, source, most)


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        # How sure: of the least sure cell, since one wrong cell makes an answer wrong, or on average.
        "confidence": _cut(
            "confidence_min", "above", 0.99, "CALM's softmax response (2207.07061), weakest cell"
        ),
        "max-probability": _cut(
            "confidence_mean", "above", 0.99, "maximum softmax probability (1610.02136), mean"
        ),
        "margin": _cut(
            "margin_min", "above", 0.98, "best minus second, CALM (2207.07061), weakest cell"
        ),
        "product": _cut(
            "confidence_product", "above", 0.9, "probability of the answer, its cells independent: 2002.07650"
        ),
        "entropy": _cut(
            "entropy_mean", "below", 0.01, "BranchyNet (1709.01686), DeeBERT (2004.12993), mean",
            _NATS,
        ),
        "entropy-max": _cut("entropy_max", "below", 0.1, "the same, of the least sure cell", _NATS),
        # What has settled since the segment before.
        "kl": _cut("kl", "below", 5e-4, "KL(last || now), Geiping et al. (2502.05171)", 30.0),
        "entropy-change": _cut(
            "entropy_change", "below", 1e-3, "Geiping et al. (2502.05171)", _NATS
        ),
        "residual": _cut(
            "residual_H", "below", 0.03, "latent change, Geiping et al. (2502.05171)", 4.0
        ),
        "acceleration": _cut(
            "acceleration_H acceleration_H_last", "below", 0.03,
            "change of the change, small twice in a row: Pappone et al. (2509.23314)", 4.0,
        ),
    }
)  # fmt: skip
"""Kind -> score. Defaults are those of the source where it gives one that carries over: the three of
Geiping et al.; the others are round numbers. Accelerations
are relative to the norm of the state, as residuals are, so that one knob fits models of any width."""


@dataclass(frozen=True)
class TwoSided:
    """Halt where the Q-head is confident, or, from segment `patience` on, where it is hopeless.

    With P = sigmoid(Q_halt): halt if P > `upper`, or if m >= `patience` and P < `lower`. A rule that
    only knows the confident side runs every unsolved puzzle to the last segment; this one gives up.
    Source: the two thresholds of Conformal Thinking (2602.03814), whose lower one rises with time
    (`Rising`); here it's a step, 0 before `patience`.
    """

    upper: float = 0.5
    """Knob: a probability; 1 switches the confident side off."""
    lower: float = 0.01
    """Knob: a probability; 0 switches giving up off."""
    patience: int = 4
    """Knob: the first segment after which it may give up, from 1."""
    observation: str = "q"
    """Its first column is the logit of P."""

    def __post_init__(self) -> None:
        for name in ("upper", "lower"):
            real(name, getattr(self, name), low=0, high=1, cure="it is a probability")
        whole("patience", self.patience, low=1, high=MOST, cure="segment 1 always runs")

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        p_B = obs_BF[:, 0].double().sigmoid()
        return (p_B > self.upper) | ((m_B >= self.patience) & (p_B < self.lower))


_BEYOND = 8
"""A lower threshold may have risen to half so many segments after the last: P of what is not yet solved is
often as low as its tail."""
NEVER = 1000.0
"""A `Rising.shift` that switches giving up off."""


@dataclass(frozen=True)
class Rising:
    """Halt where the Q-head is confident, or less so than a lower threshold that rises with time.

    With P = sigmoid(Q_halt): halt if P > `upper`, or if P < `ceiling` * sigmoid(`slope` * (m - `shift`)).
    What is not on its way to be solved by segment `shift` is given up. Source: Conformal Thinking
    (2602.03814), as in its public code, which smooths the signal over time first; here P is taken as it
    is. `sides.calibrate_rising` chooses the knobs.
    """

    upper: float = 0.5
    """Knob: a probability; 1 switches the confident side off."""
    shift: float = 16.0
    """Knob: the segment at which the lower threshold has risen to half of its ceiling; `NEVER` switches
    giving up off."""
    ceiling: float = 0.5
    """Knob: a probability, to which the lower threshold rises."""
    slope: float = 1.0
    """Knob: how fast, per segment; from 0.1, where it takes 44 segments from a tenth to nine tenths."""
    observation: str = "q"
    """Its first column is the logit of P."""

    def __post_init__(self) -> None:
        for name in ("upper", "ceiling"):
            real(name, getattr(self, name), low=0, high=1, cure="it is a probability")
        real("shift", self.shift, low=-NEVER, high=NEVER, cure="it is a segment")
        real("slope", self.slope, low=0.1, high=NEVER, cure="more is a step, and less hardly rises")

    def lower(self, m_B: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """The lower threshold after segment m."""
        if self.shift == NEVER:
            return torch.zeros_like(m_B, dtype=torch.float64)
        return self.ceiling * (self.slope * (m_B.double() - self.shift)).sigmoid()

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        p_B = obs_BF[:, 0].double().sigmoid()
        return (p_B > self.upper) | (p_B < self.lower(m_B))


@dataclass(frozen=True)
class StableFor:
    """Halt where the predicted answer has stayed the same for `segments` segments in a row.

    Source: Geiping et al. 2025 (2502.05171), argmax stability, for 5 steps of a smaller loop.
    """

    segments: int = 1
    """Knob: unchanged segments, from 1; the earliest halt is after one segment more."""
    observation: str = "scalars"

    def __post_init__(self) -> None:
        cure = f"more than {MOST_STABLE} are not counted; to halt after segment 1: fixed-1"
        whole("segments", self.segments, low=1, high=MOST_STABLE, cure=cure)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return obs_BF[:, _STABLE] >= self.segments


@dataclass(frozen=True)
class Patience(StableFor):
    """The same by its older name, and with its source's patience.

    Source: PABEE (2006.04152), which counts layers whose prediction is that of the layer before.
    """

    segments: int = 6
    """Knob: unchanged segments, from 1; the earliest halt is after one segment more."""


def knobs_across(score_N: Float[Tensor, " N"], points: int, above: bool = True) -> list[float]:
    """At most `points` knobs for a score, from one that all values pass to one that none passes.

    They are quantiles of the values, so that scores near 0 or 1 do not hide between the knobs. The
    strictest comes first. No solution is looked at.

    Raises:
        ValueError: fewer than 3 points: both ends, and one that all pass.
    """
    whole("points", points, low=3, cure="a sweep has two ends and a middle")
    if not len(score_N):
        raise ValueError("there must be a score to put knobs across, got none")
    ranks = torch.linspace(0, len(score_N) - 1, points - 1).round().long()
    knobs_K = score_N.sort().values[ranks].unique()
    weakest = knobs_K[0] if above else knobs_K[-1]
    passed_by_all = torch.nextafter(weakest, torch.full_like(weakest, -inf if above else inf))
    knobs = torch.cat([knobs_K, passed_by_all[None]]).sort(descending=above).values
    return [float(knob) for knob in knobs]


def two_sided_grid(p_N: Float[Tensor, " N"], points: int) -> list[TwoSided]:
    """At most `points` rules: each of sqrt(points) upper thresholds with each lower one below it.

    They reach from never halting to halting at segment 1. Raises ValueError for fewer than 9 points.
    """
    side = int(points**0.5)
    uppers = [max(upper, 0.0) for upper in knobs_across(p_N, side)]
    lowers = [0.0, *knobs_across(p_N, side, above=False)[1:-1]]
    return [TwoSided(upper, lower) for upper in uppers for lower in lowers if lower <= upper]


def rising_grid(p_N: Float[Tensor, " N"], points: int, max_segments: int) -> list[Rising]:
    """At most `points` rules: each of sqrt(points) upper thresholds with each segment to give up at.

    They reach from never halting to halting at segment 1. Raises ValueError for fewer than 9 points.
    """
    side = int(points**0.5)
    uppers = [max(upper, 0.0) for upper in knobs_across(p_N, side)]
    latest = max_segments + _BEYOND
    shifts = [NEVER, *torch.linspace(latest, 1, side - 1).tolist()]
    return [Rising(upper, shift) for upper in uppers for shift in shifts]
