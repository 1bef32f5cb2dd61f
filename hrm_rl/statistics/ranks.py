"""Statistics of ranks, with ties handled: AUROC, average precision, Spearman, Kendall. Pure numpy.

Suffixes: P puzzles (or answers), V distinct values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from hrm_rl.statistics.inputs import finite, truths


def mid_ranks(values_P: Shaped[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    """Ranks from 1; equal values share the mean of the ranks they take up.

    Raises:
        ValueError: a value that is nan, which would rank highest, or infinite.
    """
    finite("values", values_P)
    value_P, count_V = _numbered(values_P)
    return np.asarray(_mid_ranks(count_V)[value_P], dtype=np.float64)


def _mid_ranks(count_V: np.ndarray) -> np.ndarray:
    mid_rank_V = np.cumsum(count_V, dtype=np.float64)
    mid_rank_V -= 0.5 * count_V
    mid_rank_V += 0.5
    return mid_rank_V


def _numbered(values_P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the distinct values, in ascending order, each one is, and how many there are of each.

    Whole numbers of a narrow range, as halting times are, are counted and not sorted.
    """
    if len(values_P) and values_P.dtype.kind in "bi":
        low = int(values_P.min())
        if int(values_P.max()) - low < len(values_P):
            above_P = values_P.astype(np.int64) - low
            count_X = np.bincount(above_P)
            return (np.cumsum(count_X > 0) - 1)[above_P], count_X[count_X > 0]
    _, value_P, count_V = np.unique(values_P, return_inverse=True, return_counts=True)
    return value_P, count_V


class Tally(NamedTuple):
    """Answers by their score: all that a ranking of right and wrong ones depends on."""

    value_V: Shaped[np.ndarray, " V"]
    """The distinct scores, ascending."""
    count_V: Int[np.ndarray, " V"]
    """Answers of each."""
    right_V: Int[np.ndarray, " V"]
    """Right ones among them."""

    def mid_ranks(self) -> Float[np.ndarray, " V"]:
        """`mid_ranks` of the scores."""
        return np.asarray(_mid_ranks(self.count_V), dtype=np.float64)


def tally(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> Tally:
    """Count answers by score. Scores are sorted, those of right answers once more, and no ranks kept.

    Raises:
        ValueError: different lengths, or a score that is nan.
    """
    finite("scores", score_P)
    truths("right_P", right_P, len(score_P))
    value_V, count_V = np.unique(score_P, return_counts=True)
    right_V = np.zeros(len(value_V), np.int64)
    value_R, count_R = np.unique(score_P[right_P], return_counts=True)
    right_V[np.searchsorted(value_V, value_R)] = count_R
    return Tally(value_V, count_V, right_V)


def auroc(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> float:
    """P(a right answer scores above a wrong one) + half of P(they tie), from the sum of mid-ranks.

    nan if all are right or all are wrong.

    Raises:
        ValueError: different lengths, or a score that is nan.
    """
    return auroc_of(tally(score_P, right_P))


def auroc_of(tally: Tally) -> float:
    """`auroc` of answers that were counted."""
    positives = int(tally.right_V.sum())
    negatives = int(tally.count_V.sum()) - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = tally.right_V @ tally.mid_ranks()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> float:
    """Area under the precision-recall curve, as a sum of steps: precision times gain in recall.

    Equal scores pass a threshold together. nan if none is right. At random it is the share of
    right answers, not 1/2.

    Raises:
        ValueError: different lengths, or a score that is nan.
    """
    return average_precision_of(tally(score_P, right_P))


def average_precision_of(tally: Tally) -> float:
    """`average_precision` of answers that were counted."""
    right_V, count_V = tally.right_V[::-1], tally.count_V[::-1]
    if not right_V.any():
        return float("nan")
    precision_V = np.cumsum(right_V) / np.cumsum(count_V)
    return float(np.sum(precision_V * right_V) / right_V.sum())


def spearman(a_P: Shaped[np.ndarray, " P"], b_P: Shaped[np.ndarray, " Q"]) -> float:
    """Spearman's rho: the correlation of the mid-ranks; nan if either is constant.

    Raises:
        ValueError: different lengths, or a value that is nan.
    """
    _paired(a_P, b_P)
    a, b = (mid_ranks(values) - (len(values) + 1) / 2 for values in (a_P, b_P))
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale else float("nan")


def kendall(a_P: Shaped[np.ndarray, " P"], b_P: Shaped[np.ndarray, " Q"]) -> float:
    """Kendall's tau-b: concordant less discordant pairs, over the pairs that neither ties.

    Time and memory grow with the product of the numbers of distinct values, not of puzzles: halting
    times take few. nan if either is constant.

    Raises:
        ValueError: different lengths, or a value that is nan.
    """
    _paired(a_P, b_P)
    (rank_a_P, count_a), (rank_b_P, count_b) = _numbered(a_P), _numbered(b_P)
    if len(count_a) > len(count_b):
        rank_a_P, rank_b_P, count_a, count_b = rank_b_P, rank_a_P, count_b, count_a
    balance, below_V = 0.0, np.zeros(len(count_b))
    short_P = rank_a_P.astype(np.min_scalar_type(len(count_a)))  # of which numpy sorts by digits
    for group in np.split(np.argsort(short_P, kind="stable"), np.cumsum(count_a)[:-1]):
        here_V = np.bincount(rank_b_P[group], minlength=len(count_b))
        less_V = np.cumsum(below_V) - below_V  # pairs with a smaller a, and a smaller b ...
        more_V = below_V.sum() - np.cumsum(below_V)  # ... or a larger b
        balance += float(here_V @ (less_V - more_V))
        below_V = below_V + here_V
    pairs = len(rank_a_P) * (len(rank_a_P) - 1) / 2
    untied_a, untied_b = (pairs - float(n @ (n - 1)) / 2 for n in (count_a, count_b))
    return balance / np.sqrt(untied_a * untied_b) if untied_a and untied_b else float("nan")


def _paired(a_P: np.ndarray, b_P: np.ndarray) -> None:
    if len(a_P) != len(b_P):
        raise ValueError(f"a correlation pairs values, got {len(a_P)} and {len(b_P)}")
    finite("values", a_P)
    finite("values", b_P)
