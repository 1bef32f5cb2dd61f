"""How far a mean over seeds and puzzles may lie off: variances of both, and their degrees of freedom.

A table has a row for each seed (a training run) and a column for each puzzle, and all seeds are
scored on the same puzzles: a crossed design. The variance of its mean has two parts, each estimated
with degrees of freedom of its own: that of the mean row over puzzles, by clusters and within strata,
and that of the seeds' means over seeds, less what the first has counted already (the interaction;
the analysis of variance of two crossed random factors). Half of an interval is

    sqrt(t(S - 1)^2 * seeds + t(clusters - strata)^2 * puzzles),

with a t quantile for each part (MOVER: Zou and Donner 2008). One t for their sum, with Satterthwaite's
degrees of freedom, held the mean in 92 % only where three seeds differ much.

A figure that is no mean (the area under a hull) takes the same way: what stands for a puzzle's
influence is then a resample's deviation (`of_draws`).

Suffixes: S seeds, P puzzles, C clusters, R resamples, N rows of influence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from hrm_rl.checks.numbers import real
from hrm_rl.statistics import student
from hrm_rl.statistics.bootstrap import ascends, groups_of, numbered
from hrm_rl.statistics.inputs import finite

LEAST = 2.0**-52
"""The least p whose level, 1 - p, has a quantile: half of it is the last step of a double below 1."""


class Seeds(NamedTuple):
    """A figure of every seed, and how its error comes about."""

    figure_S: Float[np.ndarray, " S"]
    influence_SN: Float[np.ndarray, "S N"]
    """Rows whose products are the covariances of the seeds' figures over other puzzles."""
    freedom: float
    """Degrees of freedom of those covariances: clusters less strata."""

    @property
    def mean(self) -> float:
        return float(self.figure_S.mean())


class Spread(NamedTuple):
    """The variance of a mean: parts, each with its degrees of freedom."""

    parts: tuple[tuple[float, float], ...]

    def half_width(self, level: float = 0.95) -> float:
        """Half of the interval that holds the mean with this probability.

        Raises:
            ValueError: a level outside (0, 1).
        """
        level = real("level", level, low=0, high=1, inside=True)
        return math.sqrt(sum(v * _squared((1 + level) / 2, n) for v, n in self.parts if v > 0))

    def p_value(self, mean: float) -> float:
        """1 - level of the interval that just ends at 0: two-sided.

        Of several parts by halving the logarithm, from what the largest alone would say;
        not below `LEAST` then.
        """
        alone = [2 * student.tail(abs(mean) / math.sqrt(v), n) for v, n in self.parts if v > 0]
        if not alone:
            return 1.0 if mean == 0 else 0.0
        least = max(1e-300, *alone)
        if len(alone) == 1 or least >= 1.0:
            return min(1.0, least)
        low, high = max(LEAST, least), 1.0
        for _ in range(24):
            p = math.sqrt(low * high)
            low, high = (p, high) if self.half_width(1 - p) > abs(mean) else (low, p)
        return high


def _squared(probability: float, freedom: float) -> float:
    return student.quantile(probability, freedom) ** 2


def of_table(
    values_SP: Float[np.ndarray, "S P"],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    strata_P: Shaped[np.ndarray, " P"] | None = None,
) -> Seeds:
    """Means over puzzles. The influence of a cluster is its share of the error, (sum - P_c mean) / P.

    Clusters deviate from the mean of their stratum, times n / (n - 1). A stratum of one cluster has
    nothing to deviate from and adds nothing; one cluster in all says nothing of others (infinity).

    Raises:
        ValueError: labels of other lengths, or a cluster whose puzzles lie in two strata.
    """
    P = values_SP.shape[1]
    for name, labels_P in (("clusters_P", clusters_P), ("strata_P", strata_P)):
        if labels_P is not None:
            finite(name, labels_P, P)
    cluster_P = numbered(clusters_P, P)
    groups, clusters = groups_of(cluster_P, strata_P), int(cluster_P.max()) + 1
    figure_S = values_SP.mean(1)
    if clusters == 1:
        return Seeds(figure_S, np.full((len(values_SP), 1), np.inf), 1.0)
    off_SP = values_SP - figure_S[:, None]
    if not ascends(cluster_P):
        order_P = np.argsort(cluster_P, kind="stable")
        cluster_P, off_SP = cluster_P[order_P], off_SP[:, order_P]
    starts_C = np.flatnonzero(np.diff(cluster_P, prepend=-1))
    influence_SC = np.add.reduceat(off_SP, starts_C, axis=1) / P
    for group in groups:
        n, off = len(group), influence_SC[:, group]
        off -= off.mean(1, keepdims=True)
        influence_SC[:, group] = off * np.sqrt(n / max(1, n - 1))
    return Seeds(figure_S, influence_SC, max(1.0, clusters - len(groups)))


def of_draws(
    figure_S: Float[np.ndarray, " S"], drawn_SR: Float[np.ndarray, "S R"], freedom: float
) -> Seeds:
    """Figures that were computed on every resample of the puzzles, the same for all seeds."""
    off_SR = drawn_SR - drawn_SR.mean(1, keepdims=True)
    return Seeds(figure_S, off_SR / np.sqrt(max(1, drawn_SR.shape[1] - 1)), freedom)


@np.errstate(over="ignore", invalid="ignore")
def spread(parts: Sequence[tuple[float, Seeds]]) -> Spread:
    """Of a sum of means over seeds, each times its sign, on the same puzzles with seeds of their own.

    A part with one seed has no variance over seeds: it is about that run on other puzzles. Variances
    over seeds of several parts add up with Welch's degrees of freedom. A variance that is too large to be
    squared is infinite.
    """
    seeds = uncertain = np.float64(0)
    puzzles_N = np.zeros(parts[0][1].influence_SN.shape[1])
    for sign, (figure_S, influence_SN, _) in parts:
        puzzles_N = puzzles_N + sign * influence_SN.mean(0)
        if (S := len(figure_S)) > 1 and np.isfinite(influence_SN).all():
            off_SN = influence_SN - influence_SN.mean(0)
            both = (off_SN**2).sum() / (S * (S - 1))
            mine = sign**2 * np.maximum(0.0, figure_S.var(ddof=1) / S - both)  # nan stays
            seeds, uncertain = seeds + mine, uncertain + mine**2 / (S - 1)
    known = bool(np.isfinite(puzzles_N).all() and np.isfinite(uncertain))
    puzzles = float(puzzles_N @ puzzles_N) if known else math.inf
    over_puzzles = (puzzles, min(part.freedom for _, part in parts))
    if not (known and uncertain):
        return Spread((over_puzzles,))
    return Spread(((float(seeds), float(seeds**2 / uncertain)), over_puzzles))
