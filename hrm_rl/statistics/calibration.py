"""How far the Q-head's P(right) can be trusted: ranking, Brier score, reliability. Pure numpy.

Halting needs the ranking (AUROC) before the calibration: a threshold can be moved, an order cannot.

Suffixes: P puzzles or answers, M segments, B bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from hrm_rl.checks.numbers import whole
from hrm_rl.statistics.inputs import finite, segments, truths
from hrm_rl.statistics.ranks import Tally, auroc_of, average_precision_of, tally


class Calibration(NamedTuple):
    """How well a probability tells right from wrong answers."""

    auroc: float
    """P(a right answer scores above a wrong one) + P(tie) / 2; nan if all are right or all wrong."""
    auprc: float
    """Average precision, to be held against `base_rate`; nan if none is right."""
    brier: float
    """Mean squared difference between probability and outcome."""
    murphy: Murphy
    """The Brier score in parts."""
    ece: float
    """Mean distance between probability and frequency over bins of equal mass."""
    base_rate: float
    """Share of right answers."""
    answers: int


class Murphy(NamedTuple):
    """Brier score = reliability - resolution + uncertainty + within (Murphy 1973, over bins)."""

    reliability: float
    """Squared distance of probability and frequency, bin by bin: 0 if calibrated."""
    resolution: float
    """How far the bins' frequencies spread around the base rate: what the probability tells."""
    uncertainty: float
    """base rate * (1 - base rate): the Brier score of always saying the base rate."""
    within: float
    """What is left because probabilities differ within a bin: 0 if they don't."""


class Reliability(NamedTuple):
    """The reliability curve: bins of about equal mass, none empty, by increasing probability."""

    probability_B: Float[np.ndarray, " B"]
    """Mean probability."""
    right_B: Float[np.ndarray, " B"]
    """Share of right answers."""
    answers_B: Int[np.ndarray, " B"]


class _Sums(NamedTuple):
    """Answers, summed probabilities and right answers of each bin."""

    count_B: np.ndarray
    p_B: np.ndarray
    right_B: np.ndarray


def probability(logit: Shaped[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The logistic function, in double precision."""
    p = np.array(logit, dtype=np.float64)  # a copy, that all is done in: there may be millions
    np.clip(p, -500, 500, out=p)
    np.exp(np.negative(p, out=p), out=p)
    p += 1
    return np.divide(1, p, out=p)


def reliability_curve(
    probability_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"], bins: int = 15
) -> Reliability:
    """Mean probability and share right, bin by bin; equal probabilities share a bin.

    Raises:
        ValueError: no answers, no bins, or no probabilities.
    """
    count_B, p_B, right_B = _sums(_counted(probability_P, right_P, bins), bins)
    return Reliability(p_B / count_B, right_B / count_B, count_B)


def expected_calibration_error(
    probability_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"], bins: int = 15
) -> float:
    """Mean over answers of how far their bin's probability is from its share right; equal masses."""
    return _ece(_sums(_counted(probability_P, right_P, bins), bins))


def murphy(
    probability_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"], bins: int = 15
) -> Murphy:
    """The parts of the Brier score over bins of equal mass; they add up to it exactly."""
    counted = _counted(probability_P, right_P, bins)
    return _murphy(_sums(counted, bins), _brier(counted))


def _murphy(sums: _Sums, brier: float) -> Murphy:
    count_B, p_B, right_B = sums
    weight_B, base = count_B / count_B.sum(), float(right_B.sum() / count_B.sum())
    reliability = float(weight_B @ (p_B / count_B - right_B / count_B) ** 2)
    resolution = float(weight_B @ (right_B / count_B - base) ** 2)
    uncertainty = base * (1 - base)
    rest = brier - (reliability - resolution + uncertainty)
    return Murphy(reliability, resolution, uncertainty, rest)


def calibration(
    probability_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"], bins: int = 15
) -> Calibration:
    """Ranking and calibration of a probability of being right. Look at the AUROC first.

    Raises:
        ValueError: no answers, no bins, or no probabilities.
    """
    return _calibration(_counted(probability_P, right_P, bins), bins)


def _calibration(counted: Tally, bins: int) -> Calibration:
    sums, brier = _sums(counted, bins), _brier(counted)
    return Calibration(
        auroc=auroc_of(counted),
        auprc=average_precision_of(counted),
        brier=brier,
        murphy=_murphy(sums, brier),
        ece=_ece(sums),
        base_rate=float(counted.right_V.sum() / counted.count_V.sum()),
        answers=int(counted.count_V.sum()),
    )


def risk_coverage_area(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> float:
    """Mean over k of the share that is wrong among the k answers with the highest score.

    The area under the risk-coverage curve (Geifman and El-Yaniv 2017): answering only where one is
    sure, 0 if nothing is wrong; a score that says nothing has 1 - accuracy. Equal scores come in any
    order, which is averaged over.

    Raises:
        ValueError: no answers, or a score that is not finite.
    """
    finite("score_P", score_P)
    truths("right_P", right_P, len(score_P))
    if not len(score_P):
        raise ValueError("a risk-coverage curve needs answers, got none")
    _, group_P = np.unique(-score_P.astype(np.float64), return_inverse=True)
    wrong_G = np.bincount(group_P, ~right_P) / np.bincount(group_P)
    error_P = np.cumsum(wrong_G[np.sort(group_P)])
    return float(np.mean(error_P / np.arange(1, len(score_P) + 1)))


def calibration_by_segment(
    q_halt_MP: Shaped[np.ndarray, "M P"], correct_MP: Bool[np.ndarray, "M P"], bins: int = 15
) -> list[Calibration]:
    """Calibration of Q_halt, given as logits, after each segment on all puzzles."""
    pairs = zip(probability(q_halt_MP), correct_MP, strict=True)
    return [calibration(p, c, bins) for p, c in pairs]


def calibration_while_alive(
    q_halt_MP: Shaped[np.ndarray, "M P"],
    correct_MP: Bool[np.ndarray, "M P"],
    segment_P: Shaped[np.ndarray, " P"],
    bins: int = 15,
) -> Calibration:
    """Calibration of Q_halt over what a policy sees: every puzzle up to the segment where it halts.

    All segments of all puzzles are another distribution, in which easy puzzles count to the end.

    Args:
        segment_P: where the policy halts, from 1.
    """
    segments(segment_P, correct_MP)
    if q_halt_MP.shape != correct_MP.shape:
        raise ValueError(
            f"logits and verdicts must be of the same puzzles, got {q_halt_MP.shape} and "
            f"{correct_MP.shape}"
        )
    alive_MP = alive(segment_P, len(correct_MP))
    return _calibration(_of_logits(q_halt_MP[alive_MP], correct_MP[alive_MP], bins), bins)


def _of_logits(logit_P: np.ndarray, right_P: np.ndarray, bins: int) -> Tally:
    """The answers, counted by probability: counted by logit first, which takes half the memory.

    Logits far from 0 have equal probabilities, and are counted together then.
    """
    whole("bins", bins, low=1)
    _some(right_P)
    value_V, count_V, right_V = tally(logit_P, right_P)
    p_V = probability(value_V)
    if (p_V[1:] != p_V[:-1]).all():
        return Tally(p_V, count_V, right_V)
    first_U = np.flatnonzero(np.diff(p_V, prepend=-1))
    return Tally(p_V[first_U], *(np.add.reduceat(part_V, first_U) for part_V in (count_V, right_V)))


def _some(right_P: np.ndarray) -> None:
    if not len(right_P):
        raise ValueError("calibration needs at least one answer, got none")


def alive(segment_P: Shaped[np.ndarray, " P"], max_segments: int) -> Bool[np.ndarray, "M P"]:
    """Whether a puzzle still runs at a segment, the one where it halts included."""
    return np.asarray(np.arange(1, max_segments + 1)[:, None] <= segment_P)


def _brier(counted: Tally) -> float:
    p_V, count_V, right_V = counted
    return float((right_V @ (1 - p_V) ** 2 + (count_V - right_V) @ p_V**2) / count_V.sum())


def _ece(sums: _Sums) -> float:
    count_B, p_B, right_B = sums
    return float(np.abs(p_B - right_B).sum() / count_B.sum())


def _counted(probability_P: np.ndarray, right_P: np.ndarray, bins: int) -> Tally:
    """The answers, counted by probability.

    Raises:
        ValueError: no answers, no bins, or no probabilities.
    """
    whole("bins", bins, low=1)
    finite("probabilities", probability_P)
    truths("right_P", right_P, len(probability_P))
    _some(right_P)
    if probability_P.min() < 0 or probability_P.max() > 1:
        raise ValueError(
            f"probabilities must lie in [0, 1], got {probability_P.min():g} to "
            f"{probability_P.max():g}; `probability` makes them of logits"
        )
    value_V, count_V, right_V = tally(probability_P, right_P)
    return Tally(value_V.astype(np.float64), count_V, right_V)


def _sums(counted: Tally, bins: int) -> _Sums:
    """The sums of each bin, empty ones left out.

    A bin is a range of mid-ranks, so that answers that tie stay together and no figure depends on
    their order.
    """
    p_V, count_V, right_V = counted
    bin_V = counted.mid_ranks()
    bin_V -= 0.5
    bin_V /= count_V.sum()
    bin_V *= bins
    np.floor(bin_V, out=bin_V)  # and these ascend
    first_B = np.append(0, np.flatnonzero(bin_V[1:] != bin_V[:-1]) + 1)
    parts = (count_V, p_V * count_V, right_V)
    return _Sums(*(np.add.reduceat(part_V, first_B) for part_V in parts))
