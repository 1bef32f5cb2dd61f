"""Statistics of comparisons: intervals, paired differences, IQM, tests. Pure numpy.

Suffixes: K quantities, S and Z seeds, P puzzles, R resamples, H hypotheses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped

from hrm_rl.checks.numbers import real
from hrm_rl.statistics.bootstrap import resample
from hrm_rl.statistics.inputs import finite, truths


class Interval(NamedTuple):
    """A mean and an interval that holds it: of bootstrap percentiles, unless something else is said."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


class Difference(NamedTuple):
    """A difference with its interval, and the p-value of "no difference"."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided, from the same resamples: at least 2 / (resamples + 1)."""


# --- intervals ------------------------------------------------------------------------------------


def mean_interval(
    values: Shaped[np.ndarray, "*S P"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    strata_P: Shaped[np.ndarray, " P"] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Mean over puzzles, or over seeds and puzzles, with a bootstrap interval.

    All seeds are scored on the same puzzles, so each resample draws seeds and, independently,
    puzzles: the interval covers another training run on other puzzles. With one row only puzzles
    are drawn.

    Args:
        values: (P,) or (S, P).
        clusters_P: puzzles that belong together (symmetric copies of one, say) are drawn together.
        strata_P: every resample takes as many clusters of each stratum as there are: for puzzles
            that were sampled by stratum, so many of each difficulty.

    Raises:
        ValueError: nothing to average, a level outside (0, 1), a cluster in two strata.
    """
    (interval,) = mean_intervals(
        [values], clusters_P, strata_P=strata_P, resamples=resamples, level=level, seed=seed
    )
    return interval


def mean_intervals(
    tables: Sequence[Shaped[np.ndarray, "*S P"]],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    strata_P: Shaped[np.ndarray, " P"] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """`mean_interval` of several quantities of the same seeds and puzzles, by common resamples."""
    whole_KSP = np.stack([_rows(values) for values in tables])
    (drawn,) = resample([whole_KSP], clusters_P, strata_P, resamples=resamples, seed=seed)
    means_KR, means_K = drawn.over_seeds(drawn.means_KSR), whole_KSP.mean((1, 2))
    return [interval(float(mean), R, level) for mean, R in zip(means_K, means_KR, strict=True)]


def paired_difference(
    a: Shaped[np.ndarray, "*S P"],
    b: Shaped[np.ndarray, "*Z Q"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    strata_P: Shaped[np.ndarray, " P"] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Mean of a minus mean of b on the same puzzles, with an interval from common resamples.

    What both find easy or hard cancels, so the interval is often many times narrower than those of
    the two means. Seeds are not paired: the runs of a and of b are drawn independently.

    Raises:
        ValueError: different numbers of puzzles, nothing to average, or a level outside (0, 1).
    """
    a_SP, b_SP = _rows(a), _rows(b)
    if a_SP.shape[1] != b_SP.shape[1]:
        raise ValueError(
            f"a pair must be scored on the same puzzles, got {a_SP.shape[1]} and {b_SP.shape[1]}"
        )
    both = [a_SP[None], b_SP[None]]
    drawn = resample(both, clusters_P, strata_P, resamples=resamples, seed=seed)
    (means_a_R,), (means_b_R,) = (table.over_seeds(table.means_KSR) for table in drawn)
    return difference(float(a_SP.mean() - b_SP.mean()), means_a_R - means_b_R, level)


def interval(mean: float, drawn_R: Float[np.ndarray, " R"], level: float = 0.95) -> Interval:
    """The percentile interval of a figure that was computed on every resample.

    Raises:
        ValueError: a level outside (0, 1).
    """
    level = real("level", level, low=0, high=1, inside=True)
    finite("resampled figures", drawn_R)
    if not drawn_R.size:
        raise ValueError("an interval needs at least one resample, got none")
    low, high = np.quantile(drawn_R, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, min(float(low), mean), max(float(high), mean))


def difference(mean: float, drawn_R: Float[np.ndarray, " R"], level: float = 0.95) -> Difference:
    """The interval of a difference, and its p-value: twice the share of resamples beyond zero.

    Resamples at zero count half. One is added to both counts: a p-value of 0 would claim more than
    so many resamples can tell.

    Raises:
        ValueError: a level outside (0, 1), or no resamples.
    """
    above, below = int((drawn_R > 1e-12).sum()), int((drawn_R < -1e-12).sum())
    ties = len(drawn_R) - above - below
    p = min(1.0, 2 * (1 + min(above, below) + ties / 2) / (1 + len(drawn_R)))
    return Difference(*interval(mean, drawn_R, level), p)


# --- seeds ----------------------------------------------------------------------------------------


def iqm(scores: Shaped[np.ndarray, "*S"]) -> float:
    """Interquartile mean: of the middle half of the scores, so that a run gone wrong counts little.

    A quarter, rounded down, is left out at either end: with fewer than four it is the mean. For
    scores of runs, not for single puzzles, whose outcomes are 0 or 1. Source: Agarwal et al. 2021
    (2108.13264).

    Raises:
        ValueError: no scores.
    """
    finite("scores", scores)
    if not scores.size:
        raise ValueError("an interquartile mean needs at least one score, got none")
    return float(_iqm_last(scores.astype(np.float64).ravel()))


def iqm_interval(
    values: Shaped[np.ndarray, "S P"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    strata_P: Shaped[np.ndarray, " P"] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """IQM over seeds of the mean over puzzles; resamples draw seeds and, independently, puzzles."""
    values_SP = _rows(values)
    (drawn,) = resample([values_SP[None]], clusters_P, strata_P, resamples=resamples, seed=seed)
    resamples_R, seeds = np.arange(resamples), len(values_SP)
    seed_RS = np.repeat(np.tile(np.arange(seeds), resamples), drawn.count_RS.astype(int).ravel())
    means_RS = drawn.means_KSR[0].T[resamples_R[:, None], seed_RS.reshape(resamples, seeds)]
    return interval(iqm(values_SP.mean(1)), _iqm_last(means_RS), level)


def _iqm_last(scores: np.ndarray) -> np.ndarray:
    n = scores.shape[-1]
    ordered = np.sort(scores, axis=-1)[..., n // 4 : n - n // 4]
    return np.asarray(ordered.mean(-1))


def probability_of_improvement(
    a: Shaped[np.ndarray, "*S P"],
    b: Shaped[np.ndarray, "*Z P"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """P(a run of a has a higher mean over the puzzles than a run of b), ties counting half.

    It says how sure a gain is, not how large. Source: Agarwal et al. 2021 (2108.13264), with the
    bank as the one task.
    """
    a_SP, b_ZP = _rows(a), _rows(b)
    if a_SP.shape[1] != b_ZP.shape[1]:
        raise ValueError(
            f"both must be scored on the same puzzles, got {a_SP.shape[1]} and {b_ZP.shape[1]}"
        )
    drawn_a, drawn_b = resample(
        [a_SP[None], b_ZP[None]], clusters_P, None, resamples=resamples, seed=seed
    )
    wins_SZR = _wins(drawn_a.means_KSR[0][:, None], drawn_b.means_KSR[0][None])
    shares_R = np.einsum("szr,rs,rz->r", wins_SZR, drawn_a.count_RS, drawn_b.count_RS)
    whole = _wins(a_SP.mean(1)[:, None], b_ZP.mean(1)[None]).mean()
    return interval(float(whole), shares_R / (len(a_SP) * len(b_ZP)), level)


def _wins(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 where a is larger, 1/2 where they tie but for rounding."""
    return np.asarray((a > b + 1e-12) / 2 + (a >= b - 1e-12) / 2)


# --- tests ----------------------------------------------------------------------------------------


def holm(p_H: Float[np.ndarray, " H"]) -> Float[np.ndarray, " H"]:
    """p-values adjusted for how many were looked at (Holm 1979): reject where still <= alpha.

    The chance of any false rejection is then at most alpha, whatever the dependence between them.

    Raises:
        ValueError: a p-value outside [0, 1].
    """
    finite("p-values", p_H)
    if p_H.size and (p_H.min() < 0 or p_H.max() > 1):
        raise ValueError(f"p-values must lie in [0, 1], got {p_H.min():g} to {p_H.max():g}")
    order_H = np.argsort(p_H, kind="stable")
    raised_H = np.maximum.accumulate(p_H[order_H] * np.arange(len(p_H), 0, -1))
    adjusted_H = np.empty(len(p_H))
    adjusted_H[order_H] = np.minimum(1, raised_H)
    return adjusted_H


def mcnemar(a_P: Bool[np.ndarray, " P"], b_P: Bool[np.ndarray, " P"]) -> float:
    """Exact two-sided p-value of "both are right equally often", from the puzzles they differ on.

    For two deterministic policies: of the puzzles that one of them alone gets right, each has half.
    Puzzles have to be independent, without copies of each other.

    Raises:
        ValueError: different numbers of puzzles.
    """
    truths("verdicts", a_P)
    truths("verdicts", b_P, len(a_P))
    only_a, only_b = int((a_P & ~b_P).sum()), int((b_P & ~a_P).sum())
    n, fewest = only_a + only_b, min(only_a, only_b)
    k = np.arange(1, fewest + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log(n - k + 1) - np.log(k))])
    return float(min(1.0, 2 * np.exp(log_choose - n * np.log(2)).sum()))


def _rows(values: np.ndarray) -> np.ndarray:
    finite("values", values)
    if values.ndim not in (1, 2) or not values.size:
        raise ValueError(f"values must be (P,) or (S, P) and not empty, got {values.shape}")
    return np.atleast_2d(values).astype(np.float64)
