"""Variances over seeds and puzzles, against numbers by hand, brute force and the bootstrap."""

import math

import numpy as np
import pytest

from hrm_rl.statistics.bootstrap import numbered, resample
from hrm_rl.statistics.comparisons import mean_interval
from hrm_rl.statistics.spread import LEAST, Spread, of_draws, of_table, spread


def test_one_row_has_the_textbook_variance() -> None:
    """1, 2, 3, 6: variance 14 / 3, of the mean of four 7 / 6, three degrees of freedom."""
    values_SP = np.array([[1.0, 2.0, 3.0, 6.0]])
    ((variance, freedom),) = spread([(1.0, of_table(values_SP))]).parts
    assert variance == pytest.approx(14 / 3 / 4) and freedom == 3


def test_seeds_and_puzzles_by_hand() -> None:
    """Rows 0 0 and 2 2: puzzles are all alike, seeds have variance 2, of their mean 1.

    And rows 0 2 and 2 0, which differ by the interaction alone: seeds are alike, and the mean row too.
    """
    seeds = spread([(1.0, of_table(np.array([[0.0, 0.0], [2.0, 2.0]])))]).parts
    assert seeds == ((1.0, 1.0), (0.0, 1.0))
    crossed = spread([(1.0, of_table(np.array([[0.0, 2.0], [2.0, 0.0]])))]).parts
    assert crossed == ((0.0, 1.0),)


def test_the_parts_are_those_of_the_analysis_of_variance() -> None:
    """E[MS] of crossed random factors: seeds less the interaction over S P, and puzzles with it."""
    values_SP = np.random.default_rng(0).random((4, 30)) + np.arange(4)[:, None] / 10
    S, P = values_SP.shape
    seeds_S, puzzles_P = values_SP.mean(1), values_SP.mean(0)
    rest = values_SP - seeds_S[:, None] - puzzles_P + values_SP.mean()
    both = (rest**2).sum() / ((S - 1) * (P - 1)) / (S * P)
    seeds = max(0.0, seeds_S.var(ddof=1) / S - both)
    assert seeds > 0
    got = spread([(1.0, of_table(values_SP))]).parts
    assert [variance for variance, _ in got] == pytest.approx([seeds, puzzles_P.var(ddof=1) / P])
    assert [freedom for _, freedom in got] == [3, 29]


def test_copies_that_count_as_one_change_nothing() -> None:
    values_SP = np.random.default_rng(0).random((3, 20))
    alone = spread([(1.0, of_table(values_SP))]).parts
    clusters_P = np.repeat(np.arange(20), 4)
    copies = spread([(1.0, of_table(np.repeat(values_SP, 4, 1), clusters_P))]).parts
    for one, other in zip(alone, copies, strict=True):
        assert one == pytest.approx(other)


def test_the_order_of_puzzles_and_the_names_of_clusters_change_nothing() -> None:
    """Clusters that ascend are not sorted, as others are."""
    rng = np.random.default_rng(0)
    values_SP, clusters_P = rng.random((3, 40)), np.repeat(np.arange(10), 4)
    order_P, name_C = rng.permutation(40), rng.permutation(10)
    sorted_way = spread([(1.0, of_table(values_SP, clusters_P))]).parts
    other_way = of_table(values_SP[:, order_P], name_C[clusters_P[order_P]])
    for one, other in zip(sorted_way, spread([(1.0, other_way)]).parts, strict=True):
        assert one == pytest.approx(other)
    assert numbered(np.array([3, 3, 5, 9, 9]), 5).tolist() == [0, 0, 1, 2, 2]
    assert numbered(np.array([9, 3, 5, 9, 3]), 5).tolist() == [2, 0, 1, 2, 0]


def test_strata_take_out_what_they_differ_by() -> None:
    """Two strata of constants vary by nothing; without strata they do. Freedom: clusters less strata."""
    values_SP, strata_P = np.array([[0.0, 0, 0, 1, 1, 1]]), np.array([5, 5, 5, 8, 8, 8])
    assert spread([(1.0, of_table(values_SP, None, strata_P))]).parts == ((0.0, 4.0),)
    assert spread([(1.0, of_table(values_SP))]).parts[0][0] == pytest.approx(0.25 / 5)


def test_clusters_and_strata_are_those_of_the_bootstrap() -> None:
    """The two estimate one variance, but for n / (n - 1) in each stratum."""
    rng = np.random.default_rng(0)
    clusters_P = np.repeat(np.arange(80), rng.integers(1, 4, 80))
    strata_P = clusters_P % 2
    values_P = rng.random(len(clusters_P)) + 0.5 * strata_P + 0.3 * (clusters_P % 5)
    (drawn,) = resample([values_P[None, None]], clusters_P, strata_P, resamples=20_000)
    ((variance, freedom),) = spread([(1.0, of_table(values_P[None], clusters_P, strata_P))]).parts
    assert variance == pytest.approx(drawn.means_KSR.var() * 40 / 39, rel=0.03)
    assert freedom == 78


def test_draws_of_a_mean_are_worth_what_its_table_is() -> None:
    values_SP = np.random.default_rng(0).random((5, 60)) + np.arange(5)[:, None] / 10
    (drawn,) = resample([values_SP[None]], resamples=20_000)
    by_draws = spread([(1.0, of_draws(values_SP.mean(1), drawn.means_KSR[0], 59.0))]).parts
    by_table = spread([(1.0, of_table(values_SP))]).parts
    for one, other in zip(by_draws, by_table, strict=True):
        assert one[0] == pytest.approx(other[0], rel=0.05) and one[1] == pytest.approx(other[1])


def test_what_both_have_cancels_in_a_difference() -> None:
    base_SP = np.random.default_rng(0).random((1, 50))
    both = spread([(1.0, of_table(base_SP + 1)), (-1.0, of_table(base_SP))])
    assert both.half_width() == pytest.approx(0, abs=1e-12)


def test_one_cluster_says_nothing_of_others() -> None:
    found = spread([(1.0, of_table(np.ones((2, 3)), np.zeros(3, int)))])
    assert found.half_width() == math.inf and found.p_value(0.5) == 1


def test_half_widths_of_parts_add_up_in_squares() -> None:
    """4.303 and 2.228 deviations of 2 and of 10 degrees of freedom."""
    one, other = Spread(((4.0, 2.0),)), Spread(((9.0, 10.0),))
    assert one.half_width() == pytest.approx(2 * 4.3027, abs=1e-3)
    together = Spread((*one.parts, *other.parts))
    assert together.half_width() == pytest.approx(math.hypot(2 * 4.3027, 3 * 2.2281), abs=1e-3)


@pytest.mark.parametrize("parts", [((0.04, 5.0),), ((0.04, 2.0), (0.01, 80.0))])
def test_the_p_value_is_where_the_interval_ends_at_0(
    parts: tuple[tuple[float, float], ...],
) -> None:
    found = Spread(parts)
    for level in (0.5, 0.9, 0.99):
        assert found.p_value(-found.half_width(level)) == pytest.approx(1 - level, rel=1e-4)
    assert Spread(((0.0, 3.0),)).p_value(0.0) == 1 and Spread(((0.0, 3.0),)).p_value(0.1) == 0


def test_a_p_value_below_what_a_double_can_tell_from_0_is_said_to_be_that() -> None:
    """Two parts, each a thousand deviations away: 1 - p is the last double below 1."""
    assert Spread(((1e-6, 100.0), (1e-6, 100.0))).p_value(1.0) == pytest.approx(LEAST)
    assert Spread(((1e-6, 100.0),)).p_value(1.0) < LEAST  # of one part it is known


@pytest.mark.parametrize("seeds", [1, 3])
def test_what_is_too_large_to_be_squared_has_no_end(seeds: int) -> None:
    values_SP = 4e154 * np.random.default_rng(0).normal(size=(seeds, 8))
    found = mean_interval(values_SP if seeds > 1 else values_SP[0])
    assert np.isfinite(found.mean) and found.low == -np.inf and found.high == np.inf
