"""Do 95 % intervals hold the truth in 95 % of the cases? By simulation, with truths that are known.

Few cases in the quick tests, whose bounds are wide accordingly; all of them are `slow`.

Suffixes: S seeds, P puzzles.
"""

from collections.abc import Callable

import numpy as np
import pytest

from hrm_rl.statistics.comparisons import (
    Difference,
    Interval,
    iqm_interval,
    mean_interval,
    over_seeds,
    paired_difference,
)

Made = Callable[[np.random.Generator], Interval | Difference]
P = 200


def held(make: Made, truth: float, cases: int, seed: int = 0) -> float:
    """Share of the cases whose interval holds the truth."""
    rng = np.random.default_rng(seed)
    found = (make(rng) for _ in range(cases))
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def crossed(rng: np.random.Generator, S: int, seeds: float, both: float = 0.5) -> np.ndarray:
    """A table of mean 0: seeds that differ by so much, puzzles by 1, and by `both` in every cell."""
    rows = seeds * rng.standard_normal((S, 1)) + rng.standard_normal((1, P))
    return np.asarray(rows + both * rng.standard_normal((S, P)))


def paired(rng: np.random.Generator, S: int, seeds: float) -> Difference:
    """Two learners with the same puzzles, and seeds of their own."""
    hard_P = rng.standard_normal(P)
    a, b = (
        hard_P + seeds * rng.standard_normal((S, 1)) + 0.5 * rng.standard_normal((S, P))
        for _ in range(2)
    )
    return paired_difference(a, b)


def copies(rng: np.random.Generator) -> Interval:
    """60 puzzles with 1 to 8 copies each, which are alike but for a little."""
    clusters_P = np.repeat(np.arange(60), rng.integers(1, 9, 60))
    values_P = rng.standard_normal(60)[clusters_P] + 0.3 * rng.standard_normal(len(clusters_P))
    return mean_interval(values_P, clusters_P)


KIND_P = np.repeat([0, 1, 2], 70)
RIGHT_P = np.array([0.98, 0.7, 0.2])[KIND_P]
"""Three kinds of puzzles, 70 of each by design, and how often they are right."""

CASES: dict[str, tuple[Made, float]] = {
    "share 0.01": (lambda rng: mean_interval(rng.random(P) < 0.01), 0.01),
    "share 0.3": (lambda rng: mean_interval(rng.random(P) < 0.3), 0.3),
    "copies": (copies, 0.0),
    "strata": (
        lambda rng: mean_interval(rng.random(len(KIND_P)) < RIGHT_P, None, KIND_P),
        float(RIGHT_P.mean()),
    ),
    **{
        f"{S} seeds of {spread:g}": (
            lambda rng, S=S, d=spread: mean_interval(crossed(rng, S, d)),
            0.0,
        )
        for S in (3, 5, 10)
        for spread in (0.0, 0.1, 0.3, 1.0)
    },
    **{
        f"difference, {S} seeds of {spread:g}": (lambda rng, S=S, d=spread: paired(rng, S, d), 0.0)
        for S in (3, 5, 10)
        for spread in (0.1, 0.3)
    },
    **{
        f"IQM, {S} seeds": (lambda rng, S=S: iqm_interval(crossed(rng, S, 0.3)), 0.0)
        for S in (5, 10)
    },
    **{f"{S} runs": (lambda rng, S=S: over_seeds(rng.standard_normal(S)), 0.0) for S in (3, 5, 10)},
}


@pytest.mark.parametrize("name", ["share 0.01", "3 seeds of 0.3", "copies"])
def test_intervals_hold_the_truth(name: str) -> None:
    """Of 300 cases; three standard errors are 0.038."""
    assert 0.91 <= held(*CASES[name], cases=300) <= 0.99


def test_strata_that_are_forgotten_widen_the_interval() -> None:
    """Held by nearly all: what strata differ by, 0.13 of a variance of 0.21 here, is taken for error."""
    forgotten = held(
        lambda rng: mean_interval(rng.random(len(KIND_P)) < RIGHT_P), RIGHT_P.mean(), 300
    )
    assert forgotten > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_intervals_hold_the_truth_in_95_percent(name: str) -> None:
    """Of 8,000 cases, whose standard error is 0.0025."""
    assert 0.93 <= held(*CASES[name], cases=8000) <= 0.97
