"""Resamples of seeds and puzzles, drawn together by cluster and within strata. Pure numpy.

A table has a row for each seed (a training run) and a column for each puzzle. All seeds are scored
on the same puzzles, so a resample draws seeds and, independently, puzzles.

Suffixes: K quantities, S seeds, P puzzles, R resamples, C clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from hrm_rl.checks.numbers import whole
from hrm_rl.statistics.inputs import finite

_MOST = 10_000_000
_AT_ONCE = 2**22
"""Counts that are held at once, 32 MB, which bounds the memory."""


class Resampled(NamedTuple):
    """A table under resamples: the mean of every seed under each draw of puzzles, and the seeds."""

    means_KSR: Float[np.ndarray, "K S R"]
    count_RS: Float[np.ndarray, "R S"]
    """How often each seed was drawn."""

    def over_seeds(self, values_KSR: Float[np.ndarray, "K S R"]) -> Float[np.ndarray, "K R"]:
        """Mean over the seeds drawn of what was computed for every seed and resample."""
        seeds = values_KSR.shape[1]
        return np.asarray(np.einsum("ksr,rs->kr", values_KSR, self.count_RS) / seeds)


def resample(
    tables: Sequence[Float[np.ndarray, "_K _S P"]],
    clusters_P: Shaped[np.ndarray, " P"] | None = None,
    strata_P: Shaped[np.ndarray, " P"] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Resampled]:
    """Draw puzzles, common to all (K, S, P) tables, and for each table seeds.

    A draw is kept as how often each cluster and each seed come up: its mean is then a product.

    Raises:
        ValueError: no resamples, no tables, tables of other lengths or with nan in them, or a
            cluster whose puzzles lie in two strata.
    """
    resamples = whole("resamples", resamples, low=1, high=_MOST)
    seed = whole("seed", seed, low=0)
    if not tables or not all(table.size for table in tables):
        raise ValueError("there must be something to resample, got no puzzles or no seeds")
    for table in tables:
        finite("what is resampled", table, tables[0].shape[-1])
    for name, labels_P in (("clusters_P", clusters_P), ("strata_P", strata_P)):
        if labels_P is not None:
            finite(name, labels_P, tables[0].shape[-1])
    rng = np.random.default_rng(seed)
    cluster_P = numbered(clusters_P, tables[0].shape[-1])
    sizes_C = np.bincount(cluster_P)
    groups = groups_of(cluster_P, strata_P)
    by_cluster_P = np.argsort(cluster_P, kind="stable")
    starts_C = np.cumsum(sizes_C) - sizes_C
    sums = [np.add.reduceat(table[..., by_cluster_P], starts_C, axis=-1) for table in tables]
    means: list[list[np.ndarray]] = [[] for _ in tables]
    counts: list[list[np.ndarray]] = [[] for _ in tables]
    block = min(100, max(1, _AT_ONCE // len(sizes_C)))
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        count_RC = np.empty((draws, len(sizes_C)))
        for group in groups:
            count_RC[:, group] = _draw_counts(len(group), draws, rng)
        size_R = count_RC @ sizes_C
        for i, table_KSC in enumerate(sums):
            counts[i].append(_draw_counts(table_KSC.shape[1], draws, rng))
            means[i].append(table_KSC @ count_RC.T / size_R)
    return [
        Resampled(np.concatenate(m, axis=-1), np.concatenate(c))
        for m, c in zip(means, counts, strict=True)
    ]


def numbered(clusters_P: Shaped[np.ndarray, " P"] | None, puzzles: int) -> Int[np.ndarray, " P"]:
    """Clusters as numbers from 0; every puzzle its own if none are given."""
    if clusters_P is None:
        return np.arange(puzzles)
    if ascends(clusters_P):  # as those of a bank do: to sort a million takes most of an interval
        return np.append(0, np.cumsum(clusters_P[1:] != clusters_P[:-1]))
    return np.unique(clusters_P, return_inverse=True)[1]


def ascends(labels_P: Shaped[np.ndarray, " P"]) -> bool:
    """Whether no label is below the one before it, so that sorting them would change nothing."""
    return bool((labels_P[1:] >= labels_P[:-1]).all())


def groups_of(
    cluster_P: Int[np.ndarray, " P"], strata_P: Shaped[np.ndarray, " P"] | None
) -> list[np.ndarray]:
    """Which clusters, that are `numbered`, lie in each stratum.

    Raises:
        ValueError: a cluster whose puzzles lie in two strata.
    """
    if strata_P is None:
        return [np.arange(int(cluster_P.max()) + 1)]
    groups = [np.unique(cluster_P[strata_P == stratum]) for stratum in np.unique(strata_P)]
    clusters = int(cluster_P.max()) + 1
    if sum(map(len, groups)) != clusters:
        raise ValueError(
            f"{clusters} clusters lie in {sum(map(len, groups))} pairs of cluster and stratum; "
            "all puzzles of a cluster must have one stratum"
        )
    return groups


def _draw_counts(things: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, things): how often each thing comes up in `things` draws with replacement."""
    drawn = rng.integers(things, size=(draws, things)) + things * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * things).reshape(draws, things).astype(float)
