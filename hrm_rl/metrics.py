"""Statistics of halting: intervals, calibration, Pareto hulls, accuracy by difficulty. Pure numpy.

Suffixes: K quantities, S seeds, P puzzles, M segments, R resamples, C clusters, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

RATING_BANDS = (0, 1, 10, 30)
"""Lower ends of the rating bands that are reported: guesses to the first solution."""


class Interval(NamedTuple):
    """A mean with its bootstrap percentile interval, which always holds the mean."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


class Calibration(NamedTuple):
    """How well a probability tells right from wrong answers."""

    auroc: float
    """P(a right answer scores above a wrong one) + P(tie) / 2; nan if all are right or all wrong."""
    brier: float
    """Mean squared difference between probability and outcome."""
    ece: float
    """Mean distance between probability and frequency over bins of equal mass."""
    base_rate: float
    """Share of right answers."""


class Band(NamedTuple):
    """Accuracy after each segment on the puzzles with low <= rating < high."""

    low: int
    high: int | None
    """None: no upper end."""
    puzzles: int
    accuracy_M: Float[np.ndarray, " M"]


# --- intervals ------------------------------------------------------------------------------------


def mean_interval(
    values: Shaped[np.ndarray, "*S P"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
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

    Raises:
        ValueError: nothing to average, or a level outside (0, 1).
    """
    (interval,) = mean_intervals([values], clusters_P, resamples=resamples, level=level, seed=seed)
    return interval


def mean_intervals(
    tables: Sequence[Shaped[np.ndarray, "*S P"]],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """`mean_interval` of several quantities of the same seeds and puzzles, by common resamples."""
    whole_KSP = np.stack([_rows(values) for values in tables])
    rng = np.random.default_rng(seed)
    (means_KR,) = _resampled_means([whole_KSP], clusters_P, resamples, rng)
    means_K = whole_KSP.mean((1, 2))
    return [_interval(float(mean), R, level) for mean, R in zip(means_K, means_KR, strict=True)]


def paired_difference(
    a: Shaped[np.ndarray, "*S P"],
    b: Shaped[np.ndarray, "*Z Q"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
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
    rng = np.random.default_rng(seed)
    tables = [a_SP[None], b_SP[None]]
    ((means_a_R,), (means_b_R,)) = _resampled_means(tables, clusters_P, resamples, rng)
    return _interval(float(a_SP.mean() - b_SP.mean()), means_a_R - means_b_R, level)


def _rows(values: np.ndarray) -> np.ndarray:
    if values.ndim not in (1, 2) or not values.size:
        raise ValueError(f"values must be (P,) or (S, P) and not empty, got {values.shape}")
    return np.atleast_2d(values).astype(np.float64)


def _resampled_means(
    tables: Sequence[np.ndarray],
    clusters_P: np.ndarray | None,
    resamples: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Means (K, R) of every (K, S, P) table in `resamples` draws of clusters, common to all tables.

    A draw is kept as how often each cluster and each seed come up: its mean is then a product.
    """
    puzzles = tables[0].shape[-1]
    cluster_P = np.arange(puzzles)
    if clusters_P is not None:
        cluster_P = np.unique(clusters_P, return_inverse=True)[1]
    sizes_C = np.bincount(cluster_P)
    sums = [np.apply_along_axis(lambda v: np.bincount(cluster_P, v), -1, table) for table in tables]
    means: list[list[np.ndarray]] = [[] for _ in tables]
    for start in range(0, resamples, 100):  # bounds the memory: 100 draws at a time
        draws = min(100, resamples - start)
        count_RC = _draw_counts(len(sizes_C), draws, rng)
        size_R = count_RC @ sizes_C
        for table_KSC, out in zip(sums, means, strict=True):
            seeds = table_KSC.shape[1]
            count_RS = _draw_counts(seeds, draws, rng)
            sum_KSR = table_KSC @ count_RC.T
            out.append(np.einsum("ksr,rs->kr", sum_KSR, count_RS) / (seeds * size_R))
    return [np.concatenate(parts, axis=1) for parts in means]


def _draw_counts(things: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, things): how often each thing comes up in `things` draws with replacement."""
    drawn = rng.integers(things, size=(draws, things)) + things * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * things).reshape(draws, things).astype(float)


def _interval(mean: float, means_R: np.ndarray, level: float) -> Interval:
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    low, high = np.quantile(means_R, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, min(float(low), mean), max(float(high), mean))


# --- calibration ----------------------------------------------------------------------------------


def auroc(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> float:
    """P(a right answer scores above a wrong one) + half of P(they tie), from the sum of mid-ranks.

    nan if all are right or all are wrong.
    """
    positives = int(right_P.sum())
    negatives = len(right_P) - positives
    if not positives or not negatives:
        return float("nan")
    _, value_P, count_V = np.unique(score_P, return_inverse=True, return_counts=True)
    mid_rank_V = np.cumsum(count_V) - (count_V - 1) / 2
    rank_sum = mid_rank_V[value_P][right_P].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def expected_calibration_error(
    probability_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"], bins: int = 15
) -> float:
    """Mean over answers of |mean probability - share right| of their bin; bins of equal mass."""
    order = np.argsort(probability_P, kind="stable")
    probability_P = probability_P.astype(np.float64)
    gaps = [
        abs(probability_P[part].sum() - right_P[part].sum())
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return float(sum(gaps) / len(order))


def calibration(
    probability_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"], bins: int = 15
) -> Calibration:
    """AUROC, Brier score and ECE of a probability of being right. Look at the AUROC first.

    Raises:
        ValueError: no answers.
    """
    if not len(right_P):
        raise ValueError("calibration needs at least one answer, got none")
    return Calibration(
        auroc(probability_P, right_P),
        float(np.mean((probability_P.astype(np.float64) - right_P) ** 2)),
        expected_calibration_error(probability_P, right_P, bins),
        float(right_P.mean()),
    )


def calibration_by_segment(
    q_halt_MP: Shaped[np.ndarray, "M P"], correct_MP: Bool[np.ndarray, "M P"], bins: int = 15
) -> list[Calibration]:
    """Calibration of Q_halt, given as logits, after each segment on all puzzles."""
    probability_MP = 1 / (1 + np.exp(-q_halt_MP.astype(np.float64)))
    return [calibration(p, c, bins) for p, c in zip(probability_MP, correct_MP, strict=True)]


# --- the cost of accuracy -------------------------------------------------------------------------


def concave_hull(
    segments_N: Shaped[np.ndarray, " N"], accuracy_N: Shaped[np.ndarray, " N"]
) -> Int[np.ndarray, " H"]:
    """Indices of the upper concave hull, from the fewest segments up to the highest accuracy.

    What lies on it can be had: choosing between two policies by a coin, puzzle by puzzle, gives
    every point of the line between them (and no choice of the points given gives one above).
    """
    hull: list[int] = []
    for i in np.lexsort((-accuracy_N, segments_N)):
        if hull and accuracy_N[i] <= accuracy_N[hull[-1]]:
            continue  # costs as much or more, and gains nothing
        while len(hull) >= 2 and _is_below(hull[-2], hull[-1], i, segments_N, accuracy_N):
            hull.pop()
        hull.append(int(i))
    return np.array(hull, dtype=np.int64)


def _is_below(a: int, b: int, c: int, x_N: np.ndarray, y_N: np.ndarray) -> bool:
    """Whether point b lies on or below the line from a to c."""
    return bool((y_N[b] - y_N[a]) * (x_N[c] - x_N[a]) <= (y_N[c] - y_N[a]) * (x_N[b] - x_N[a]))


def pareto_area(
    segments_N: Shaped[np.ndarray, " N"], accuracy_N: Shaped[np.ndarray, " N"], max_segments: int
) -> float:
    """Mean over budgets b in [1, max_segments] of the best accuracy at b mean segments (the hull).

    Below the cheapest point the accuracy counts as 0.

    Raises:
        ValueError: max_segments < 2, where there is nothing to choose.
    """
    if max_segments < 2:
        raise ValueError(f"max_segments must be >= 2, got {max_segments}")
    hull = concave_hull(segments_N, accuracy_N)
    x, y = segments_N[hull].astype(np.float64), accuracy_N[hull].astype(np.float64)
    x, y = np.append(x, max(float(max_segments), x[-1])), np.append(y, y[-1])
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) / (max_segments - 1))


# --- difficulty -----------------------------------------------------------------------------------


def accuracy_by_band(
    correct_MP: Bool[np.ndarray, "M P"],
    rating_P: Int[np.ndarray, " P"],
    bands: Sequence[int] = RATING_BANDS,
) -> list[Band]:
    """Accuracy after each segment in each rating band that has puzzles.

    Args:
        bands: lower ends, ascending; the last band has no upper end.
    """
    found = []
    for low, high in zip(bands, [*bands[1:], None], strict=True):
        inside_P = (rating_P >= low) & (high is None or rating_P < high)
        if inside_P.any():
            found.append(Band(low, high, int(inside_P.sum()), correct_MP[:, inside_P].mean(1)))
    return found
