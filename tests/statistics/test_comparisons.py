"""Intervals and tests against numbers worked out by hand, and the laws that they obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.statistics import comparisons as statistics
from hrm_rl.statistics.bootstrap import resample

unit = st.floats(0, 1, allow_subnormal=False)
samples = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=1, max_dims=2, max_side=8), elements=unit
)
scores = st.lists(st.integers(-9, 9), min_size=1, max_size=12)

# --- intervals ------------------------------------------------------------------------------------


@given(samples, st.floats(0.05, 0.99))
def test_interval_holds_the_mean_and_grows_with_the_level(values, level):
    mean, low, high = statistics.mean_interval(values, level=level)  # endless for one puzzle
    assert mean == pytest.approx(values.mean())
    assert low <= mean <= high
    wider = statistics.mean_interval(values, level=(1 + level) / 2)
    assert wider.low <= low + 1e-12 and high <= wider.high + 1e-12


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=1, max_dims=2, max_side=8)))
def test_the_interval_of_a_share_is_a_share_and_no_point(values):
    mean, low, high = statistics.mean_interval(values)
    assert 0 <= low <= mean <= high <= 1
    assert low < high or values.shape[-1] > 1


def test_shares_near_their_ends_have_wilsons_interval():
    """20 of 20: z^2 = t(19)^2 = 2.093^2 = 4.3806, from 20 / (20 + 4.3806) to 1."""
    assert statistics.mean_interval(np.ones(20, bool)) == pytest.approx((1, 0.82032, 1), abs=1e-4)
    none = statistics.mean_interval(np.zeros((3, 20), bool))
    assert none == pytest.approx((0, 0, 1 - 0.82032), abs=1e-4)


def test_interval_has_the_width_of_the_normal_approximation():
    values_P = np.arange(1000) % 10 < 3  # 300 ones: standard error sqrt(0.3 * 0.7 / 1000)
    for values in (values_P, values_P.astype(float)):
        mean, low, high = statistics.mean_interval(values)
        assert mean == pytest.approx(0.3)
        assert (high - low) / 2 == pytest.approx(1.96 * (0.21 / 1000) ** 0.5, rel=0.005)


def test_interval_of_constants_is_a_point():
    assert statistics.mean_interval(np.full((3, 7), 0.1)).half_width < 1e-12


def test_seeds_that_differ_widen_the_interval():
    """Two seeds, all wrong and all right: t of one degree of freedom, 12.706, times 1/2."""
    values_SP = np.stack([np.zeros(50), np.ones(50)])
    found = statistics.mean_interval(values_SP)
    assert found == pytest.approx((0.5, 0.5 - 6.353, 0.5 + 6.353), abs=1e-3)
    low, high = statistics.mean_interval(values_SP > 0)[1:]
    assert 0 < low < 0.01 and high == pytest.approx(
        1 - low
    )  # a share, of 1/4 of the seeds it takes


def test_copies_of_a_puzzle_drawn_together_tell_nothing_new():
    values_P = (np.arange(40) % 4 == 0).astype(float)
    alone = statistics.mean_interval(values_P)
    copies_P, clusters_P = np.repeat(values_P, 25), np.repeat(np.arange(40), 25)
    together = statistics.mean_interval(copies_P, clusters_P)
    assert together == pytest.approx(alone)
    assert statistics.mean_interval(copies_P).half_width < alone.half_width / 4


def test_clusters_of_different_sizes_weigh_by_their_size():
    """Clusters {0, 0, 0} and {1}: sums are off by -3/4 and 3/4, so by 3/16 of the mean each."""
    values_P, clusters_P = np.array([0.0, 0.0, 1.0, 0.0]), np.array([7, 7, 9, 7])
    mean, low, high = statistics.mean_interval(values_P, clusters_P)
    deviation = (2 * (3 / 16) ** 2 * 2) ** 0.5
    assert mean == 0.25 and high - mean == pytest.approx(12.706 * deviation, rel=1e-4)
    assert low == pytest.approx(2 * mean - high)


def test_pairing_removes_what_both_find_hard():
    base_P = np.random.default_rng(0).random(400)
    difference = statistics.paired_difference(base_P + 0.1, base_P)
    assert difference[:3] == pytest.approx((0.1, 0.1, 0.1))
    assert difference.p < 1e-6
    assert statistics.mean_interval(base_P).half_width > 0.02


def test_few_puzzles_that_agree_are_no_certainty():
    """All four gain as much: a sign test of four has p = 2 / 2^4."""
    assert statistics.paired_difference(np.ones(4), np.zeros(4)).p == pytest.approx(2 / 16)


@given(samples)
def test_difference_to_itself_is_zero_for_one_seed(values):
    mean, low, high, p = statistics.paired_difference(values[:1], values[:1])
    assert (mean, p) == (0, 1) and low <= 0 <= high
    if np.atleast_2d(values[:1]).shape[1] > 1:  # one puzzle says nothing of others
        assert (low, high) == pytest.approx((0, 0), abs=1e-12)


def test_wrong_intervals_are_refused():
    with pytest.raises(ValueError, match="not empty"):
        statistics.mean_interval(np.zeros(0))
    with pytest.raises(ValueError, match="level must be a finite number between 0 and 1, got 1"):
        statistics.mean_interval(np.zeros(3), level=1.0)
    with pytest.raises(ValueError, match="same puzzles, got 3 and 4"):
        statistics.paired_difference(np.zeros(3), np.zeros(4))


def test_strata_are_sampled_each_by_itself():
    """Two strata, each of one value: whatever is drawn, every sample has as many of both."""
    values_P, strata_P = np.array([0.0, 0, 0, 1, 1]), np.array([5, 5, 5, 8, 8])
    assert statistics.mean_interval(values_P).half_width > 0.5
    assert statistics.mean_interval(values_P, strata_P=strata_P).half_width < 1e-12


def test_a_cluster_in_two_strata_is_refused():
    with pytest.raises(ValueError, match="2 clusters lie in 3 pairs"):
        statistics.mean_interval(np.zeros(3), np.array([0, 0, 1]), strata_P=np.array([0, 1, 1]))


def test_tables_share_their_puzzles_but_not_their_seeds():
    rng = np.random.default_rng(0)
    a_KSP = rng.random((2, 3, 9))
    one, other = resample([a_KSP, a_KSP], resamples=50)
    assert (one.means_KSR == other.means_KSR).all()
    assert (one.count_RS.sum(1) == 3).all() and (other.count_RS.sum(1) == 3).all()
    assert not (one.count_RS == other.count_RS).all()


@given(scores, st.randoms())
def test_an_interval_does_not_depend_on_the_names_of_clusters(values, random):
    values_P = np.array(values, dtype=float)
    names_P = np.array(random.sample(range(99), len(values)))
    plain = statistics.mean_interval(values_P)
    assert statistics.mean_interval(values_P, names_P) == pytest.approx(plain)


def test_the_p_value_of_a_coin_is_that_of_the_normal_test():
    """60 of 100 pairs won: z = 0.2 / sqrt((1 - 0.04) / 100) = 2.041, two-sided 0.0412."""
    wins_P = (np.arange(100) < 60) * 2.0 - 1
    difference = statistics.paired_difference(wins_P, np.zeros(100))
    assert difference.p == pytest.approx(0.0412, abs=0.004)
    opposite = statistics.paired_difference(np.zeros(100), wins_P)
    assert opposite.p == pytest.approx(difference.p)


# --- seeds ----------------------------------------------------------------------------------------


def test_iqm_by_hand():
    """Of eight the middle four; of five all but the ends; of three, whose quarter is none, all."""
    assert statistics.iqm(np.array([100.0, 5, 4, 3, 2, 1, 0, 6])) == 3.5
    assert statistics.iqm(np.array([-50.0, 1, 2, 3, 99])) == 2
    assert statistics.iqm(np.array([0.0, 1, 5])) == 2
    with pytest.raises(ValueError, match="at least one score"):
        statistics.iqm(np.zeros(0))


@given(scores, st.randoms())
def test_iqm_obeys_its_laws(values, random):
    ordered = np.array(values, dtype=float)
    shuffled = np.array(random.sample(values, len(values)), dtype=float)
    got = statistics.iqm(ordered)
    assert got == statistics.iqm(shuffled)
    assert ordered.min() <= got <= ordered.max()
    assert statistics.iqm(2 * ordered + 1) == pytest.approx(2 * got + 1)
    assert statistics.iqm(np.full(len(values), 3.0)) == 3


def test_iqm_interval_shrugs_off_one_run_gone_wrong():
    """Eight seeds at 0.5 and one at 0: the mean's interval reaches down, that of the IQM does not."""
    values_SP = np.full((9, 20), 0.5)
    values_SP[0] = 0
    interval = statistics.iqm_interval(values_SP)
    assert interval == pytest.approx((0.5, 0.5, 0.5))
    assert statistics.mean_interval(values_SP).low < 0.4


def test_iqm_interval_by_hand():
    """1 to 5: kept 2, 3, 4, the others moved to 2 and 4, which is a sum of squares of 4 about 3.

    Over h (h - 1) = 6, and t of two degrees of freedom: 4.303 sqrt(2 / 3).
    """
    values_SP = np.repeat(np.arange(1.0, 6)[:, None], 7, 1)
    interval = statistics.iqm_interval(values_SP)
    assert interval.mean == 3 and interval.half_width == pytest.approx(3.513, abs=1e-3)


def test_an_interval_over_seeds_by_hand():
    """1, 2, 3: deviation 1, t of 2 degrees of freedom 4.303."""
    found = statistics.over_seeds([1.0, 2.0, 3.0])
    assert found == pytest.approx((2.0, 2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)
    assert statistics.over_seeds([0.5]) == (0.5, -np.inf, np.inf)
    assert statistics.over_seeds([0.5] * 40) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least one run"):
        statistics.over_seeds([])


def test_iqm_interval_of_one_seed_is_that_of_the_mean():
    values_P = np.random.default_rng(0).random((1, 40))
    alone = statistics.mean_interval(values_P)
    assert statistics.iqm_interval(values_P) == pytest.approx(alone)


# --- tests ----------------------------------------------------------------------------------------


def test_holm_by_hand():
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which may not fall below the one before."""
    got = statistics.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert got == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm(np.array([0.7, 0.9])).tolist() == [1, 1]
    assert statistics.holm(np.zeros(0)).tolist() == []


@given(st.lists(unit, min_size=1, max_size=9))
def test_holm_raises_and_keeps_the_order(values):
    p_H = np.array(values)
    adjusted_H = statistics.holm(p_H)
    assert (adjusted_H >= p_H - 1e-12).all() and (adjusted_H <= 1).all()
    assert (adjusted_H <= np.minimum(1, len(values) * p_H) + 1e-12).all()  # Bonferroni is coarser
    assert (np.diff(adjusted_H[np.argsort(p_H)]) >= 0).all()


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (0, 5, 2 / 32), (1, 5, 2 * 7 / 64), (3, 3, 1.0), (0, 1, 1.0)],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, p: float):
    a_P = np.repeat([True, False, True, False], [only_a, only_b, 7, 4])
    b_P = np.repeat([False, True, True, False], [only_a, only_b, 7, 4])
    assert statistics.mcnemar(a_P, b_P) == pytest.approx(p)
    assert statistics.mcnemar(b_P, a_P) == pytest.approx(p)


def test_mcnemar_of_many_puzzles_is_near_the_normal_test():
    """5,100 against 4,900 that one alone gets right: z = 199 / 100 with Yates' correction."""
    a_P = np.arange(10_000) < 5100
    assert statistics.mcnemar(a_P, ~a_P) == pytest.approx(0.0466, abs=2e-4)


def test_mcnemar_refuses_copies():
    a_P = np.array([True, True, False, True])
    assert statistics.mcnemar(a_P, ~a_P, np.arange(4)) == statistics.mcnemar(a_P, ~a_P)
    with pytest.raises(ValueError, match="independent puzzles, got 2 clusters of 4 puzzles"):
        statistics.mcnemar(a_P, ~a_P, np.array([0, 0, 1, 1]))
