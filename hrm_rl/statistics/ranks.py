"""Statistics of ranks, with ties handled: AUROC, average precision, Spearman, Kendall. Pure numpy.

Suffixes: P puzzles (or answers), V distinct values.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Shaped

from hrm_rl.statistics.inputs import finite, truths


def mid_ranks(values_P: Shaped[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    """Ranks from 1; equal values share the mean of the ranks they take up.

    Raises:
        ValueError: a value that is nan, which would rank highest, or infinite.
    """
    finite("values", values_P)
    _, value_P, count_V = np.unique(values_P, return_inverse=True, return_counts=True)
    mid_rank_V = np.cumsum(count_V) - (count_V - 1) / 2
    return np.asarray(mid_rank_V[value_P], dtype=np.float64)


def auroc(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> float:
    """P(a right answer scores above a wrong one) + half of P(they tie), from the sum of mid-ranks.

    nan if all are right or all are wrong.

    Raises:
        ValueError: different lengths, or a score that is nan.
    """
    finite("scores", score_P)
    truths("right_P", right_P, len(score_P))
    positives = int(right_P.sum())
    negatives = len(right_P) - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = mid_ranks(score_P)[right_P].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(score_P: Shaped[np.ndarray, " P"], right_P: Bool[np.ndarray, " P"]) -> float:
    """Area under the precision-recall curve, as a sum of steps: precision times gain in recall.

    Equal scores pass a threshold together. nan if none is right. At random it is the share of
    right answers, not 1/2.

    Raises:
        ValueError: different lengths, or a score that is nan.
    """
    finite("scores", score_P)
    truths("right_P", right_P, len(score_P))
    if not right_P.any():
        return float("nan")
    _, value_P, count_V = np.unique(
        -score_P.astype(np.float64), return_inverse=True, return_counts=True
    )
    right_V = np.bincount(value_P, right_P)
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
    rank_a_P, rank_b_P = (np.unique(values, return_inverse=True)[1] for values in (a_P, b_P))
    count_a, count_b = np.bincount(rank_a_P), np.bincount(rank_b_P)
    if len(count_a) > len(count_b):
        rank_a_P, rank_b_P, count_a, count_b = rank_b_P, rank_a_P, count_b, count_a
    balance, below_V = 0.0, np.zeros(len(count_b))
    for group in np.split(np.argsort(rank_a_P, kind="stable"), np.cumsum(count_a)[:-1]):
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
