"""Statistics against numbers worked out by hand, and the laws that they obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl import metrics

unit = st.floats(0, 1, allow_subnormal=False)
samples = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=1, max_dims=2, max_side=8), elements=unit
)
labelled = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12)
points = st.lists(st.tuples(st.integers(1, 16), st.integers(0, 100)), min_size=1, max_size=12)

# --- intervals ------------------------------------------------------------------------------------


@given(samples, st.floats(0.05, 0.99), st.integers(0, 9))
def test_interval_holds_the_mean_and_lies_in_the_range(values, level, seed):
    mean, low, high = metrics.mean_interval(values, resamples=20, level=level, seed=seed)
    assert mean == pytest.approx(values.mean())
    assert low <= mean <= high
    assert low >= values.min() - 1e-12 and high <= values.max() + 1e-12


def test_interval_has_the_width_of_the_normal_approximation():
    values_P = np.arange(1000) % 10 < 3  # 300 ones: standard error sqrt(0.3 * 0.7 / 1000)
    mean, low, high = metrics.mean_interval(values_P, resamples=4000)
    assert mean == 0.3
    assert (high - low) / 2 == pytest.approx(1.96 * (0.21 / 1000) ** 0.5, rel=0.05)


def test_interval_of_constants_is_a_point():
    assert metrics.mean_interval(np.full((3, 7), 0.1), resamples=50).half_width < 1e-12


def test_seeds_that_differ_widen_the_interval():
    """Two seeds, all wrong and all right: half of the draws of two take the same one twice."""
    values_SP = np.stack([np.zeros(50), np.ones(50)])
    assert metrics.mean_interval(values_SP, resamples=500) == (0.5, 0.0, 1.0)


def test_copies_of_a_puzzle_drawn_together_tell_nothing_new():
    values_P = (np.arange(40) % 4 == 0).astype(float)
    alone = metrics.mean_interval(values_P, resamples=500)
    copies_P, clusters_P = np.repeat(values_P, 25), np.repeat(np.arange(40), 25)
    together = metrics.mean_interval(copies_P, clusters_P, resamples=500)
    assert together == pytest.approx(alone)
    assert metrics.mean_interval(copies_P, resamples=500).half_width < alone.half_width / 4


def test_clusters_of_different_sizes_weigh_by_their_size():
    """Clusters {0, 0, 0} and {1}: the mean of a draw is 0, 1/4 or 1."""
    values_P, clusters_P = np.array([0.0, 0.0, 1.0, 0.0]), np.array([7, 7, 9, 7])
    interval = metrics.mean_interval(values_P, clusters_P, resamples=400, level=0.2)
    assert interval == (0.25, 0.25, 0.25)
    assert metrics.mean_interval(values_P, clusters_P, resamples=400) == (0.25, 0.0, 1.0)


def test_several_quantities_share_their_resamples():
    values_P = np.random.default_rng(0).random(30)
    one, other = metrics.mean_intervals([values_P, 2 * values_P + 1], resamples=100)
    assert other == pytest.approx(tuple(2 * x + 1 for x in one))


def test_pairing_removes_what_both_find_hard():
    base_P = np.random.default_rng(0).random(400)
    difference = metrics.paired_difference(base_P + 0.1, base_P, resamples=200)
    assert difference == pytest.approx((0.1, 0.1, 0.1))
    assert metrics.mean_interval(base_P, resamples=200).half_width > 0.02


@given(samples, st.integers(0, 9))
def test_difference_to_itself_is_zero_for_one_seed(values, seed):
    difference = metrics.paired_difference(values[:1], values[:1], resamples=10, seed=seed)
    assert difference == pytest.approx((0, 0, 0), abs=1e-12)


def test_wrong_intervals_are_refused():
    with pytest.raises(ValueError, match="not empty"):
        metrics.mean_interval(np.zeros(0))
    with pytest.raises(ValueError, match="level must lie in"):
        metrics.mean_interval(np.zeros(3), level=1.0)
    with pytest.raises(ValueError, match="same puzzles, got 3 and 4"):
        metrics.paired_difference(np.zeros(3), np.zeros(4))


# --- calibration ----------------------------------------------------------------------------------


@given(labelled)
def test_auroc_is_the_count_of_pairs(pairs):
    """The Mann-Whitney count: pairs of a right and a wrong answer in the right order, ties half."""
    score, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs])
    wins = [(a > b) + (a == b) / 2 for a in score[right] for b in score[~right]]
    got = metrics.auroc(score, right)
    assert got == pytest.approx(np.mean(wins)) if wins else np.isnan(got)


@given(labelled)
def test_auroc_of_the_reversed_score_is_the_complement(pairs):
    score, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs])
    total = metrics.auroc(score, right) + metrics.auroc(-score, right)
    assert np.isnan(total) or total == pytest.approx(1)


def test_calibration_by_hand():
    """Two bins: (0.1, 0.3 | right: no, yes) off by 0.3, (0.8, 1.0 | yes, yes) off by 0.1."""
    got = metrics.calibration(np.array([0.8, 0.1, 1.0, 0.3]), np.array([1, 0, 1, 1], bool), bins=2)
    assert got.auroc == 1
    assert got.brier == pytest.approx((0.2**2 + 0.1**2 + 0 + 0.7**2) / 4)
    assert got.ece == pytest.approx((0.3 + 0.1) / 2)
    assert got.base_rate == 0.75


@given(labelled, st.integers(1, 15))
def test_calibration_lies_in_the_unit_interval(pairs, bins):
    probability = np.array([(s + 3) / 6 for s, _ in pairs])
    got = metrics.calibration(probability, np.array([r for _, r in pairs]), bins)
    assert 0 <= got.brier <= 1 and 0 <= got.ece <= 1
    assert got.ece >= abs(probability.mean() - got.base_rate) - 1e-12  # Jensen: bins add up


def test_calibration_of_each_segment_reads_logits():
    q_MP = np.array([[0.0, 0.0], [-50.0, 50.0]])
    first, second = metrics.calibration_by_segment(q_MP, np.array([[False, True], [False, True]]))
    assert first == (0.5, 0.25, pytest.approx(0.5), 0.5)
    assert second == (1.0, pytest.approx(0), pytest.approx(0), 0.5)


def test_calibration_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one answer"):
        metrics.calibration(np.zeros(0), np.zeros(0, bool))


# --- hulls ----------------------------------------------------------------------------------------


@given(points)
def test_hull_dominates_every_point_and_is_concave(pairs):
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    hull = metrics.concave_hull(x, y)
    assert len(set(hull.tolist())) == len(hull)
    assert (np.diff(x[hull]) > 0).all() and (np.diff(y[hull]) > 0).all()
    slopes = np.diff(y[hull]) / np.diff(x[hull])
    assert (np.diff(slopes) < 1e-9).all()
    assert (np.interp(x, x[hull], y[hull]) >= y - 1e-9).all()


def test_hull_by_hand():
    x, y = np.array([4, 1, 2, 3, 2, 5]), np.array([0.9, 0.1, 0.2, 0.7, 0.1, 0.8])
    assert metrics.concave_hull(x, y).tolist() == [1, 3, 0]


def test_pareto_area_by_hand():
    """0.2 -> 0.6 over [1, 3], then 0.6 up to 5: (0.8 + 1.2) / 4. Beside it 0 until 3, then 0.6."""
    x, y = np.array([1.0, 3.0]), np.array([0.2, 0.6])
    assert metrics.pareto_area(x, y, 5) == pytest.approx(0.5)
    assert metrics.pareto_area(x[1:], y[1:], 5) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="max_segments must be >= 2"):
        metrics.pareto_area(x, y, 1)


def test_pareto_area_of_geometric_solving_times():
    """80 % solvable, each segment solving 30 % of them: fixed m against giving up after m."""
    m = np.arange(1, 17)
    right_M = 0.8 * (1 - 0.7**m)
    # Halting when right or at m: the solvable run (1 - 0.7^m) / 0.3 segments, the others m.
    mean_M = 0.8 * (1 - 0.7**m) / 0.3 + 0.2 * m
    assert metrics.pareto_area(m, right_M, 16) == pytest.approx(0.6947, abs=5e-5)
    assert metrics.pareto_area(mean_M, right_M, 16) == pytest.approx(0.7423, abs=5e-5)


# --- difficulty -----------------------------------------------------------------------------------


def test_accuracy_by_band_by_hand():
    correct_MP = np.array([[1, 0, 0, 0], [1, 1, 0, 1]], bool)
    easy, hard = metrics.accuracy_by_band(correct_MP, np.array([0, 5, 40, 3]), bands=(0, 1, 6, 30))[
        ::2
    ]
    assert (easy.low, easy.high, easy.puzzles, easy.accuracy_M.tolist()) == (0, 1, 1, [1, 1])
    assert (hard.low, hard.high, hard.puzzles, hard.accuracy_M.tolist()) == (30, None, 1, [0, 0])


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20))
def test_bands_share_out_the_puzzles(ratings):
    correct_MP = np.ones((2, len(ratings)), bool)
    bands = metrics.accuracy_by_band(correct_MP, np.array(ratings))
    assert sum(band.puzzles for band in bands) == len(ratings)
