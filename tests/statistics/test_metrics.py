"""Metrics of halting against numbers worked out by hand, and the laws that they obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.statistics import metrics

points = st.lists(st.tuples(st.integers(1, 16), st.integers(0, 100)), min_size=1, max_size=12)


@st.composite
def halted(draw):
    """Whether each segment is right, and where a policy halts."""
    correct_MP = draw(hnp.arrays(bool, st.tuples(st.integers(1, 5), st.integers(1, 6))))
    M, P = correct_MP.shape
    return correct_MP, draw(hnp.arrays(np.int64, P, elements=st.integers(1, M)))


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
    with pytest.raises(ValueError, match="max_segments must be a whole number >= 2, got 1"):
        metrics.pareto_area(x, y, 1)


def test_pareto_area_of_geometric_solving_times():
    """80 % solvable, each segment solving 30 % of them: fixed m against giving up after m."""
    m = np.arange(1, 17)
    right_M = 0.8 * (1 - 0.7**m)
    # Halting when right or at m: the solvable run (1 - 0.7^m) / 0.3 segments, the others m.
    mean_M = 0.8 * (1 - 0.7**m) / 0.3 + 0.2 * m
    assert metrics.pareto_area(m, right_M, 16) == pytest.approx(0.6947, abs=5e-5)
    assert metrics.pareto_area(mean_M, right_M, 16) == pytest.approx(0.7423, abs=5e-5)
    x, y = np.append(mean_M, 16), np.append(right_M, right_M[-1])
    saved = 1 - metrics.cheapest_mixture(x, y, right_M[-1]) @ x / 16
    assert saved == pytest.approx(0.634, abs=5e-4)


def test_the_cheapest_mixture_by_hand():
    """0.2 at 1 segment, 0.6 at 3 and at 5: 0.5 takes three quarters of 3, and 0.1 all of 1."""
    x, y = np.array([5.0, 1.0, 3.0]), np.array([0.6, 0.2, 0.6])
    for wanted, expected in {0.6: [0, 0, 1], 0.5: [0, 0.25, 0.75], 0.1: [0, 1, 0]}.items():
        assert metrics.cheapest_mixture(x, y, wanted) == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"that a point has, at most 0\.6, got 0\.7"):
        metrics.cheapest_mixture(x, y, 0.7)


@given(points, st.floats(0, 1))
def test_a_mixture_has_what_is_wanted_and_costs_least(pairs, share):
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    weight_N = metrics.cheapest_mixture(x, y, wanted := share * y.max())
    assert weight_N.sum() == pytest.approx(1) and (weight_N >= 0).all()
    assert weight_N @ y >= wanted - 1e-9
    assert weight_N @ x <= x[y >= wanted].min() + 1e-9  # a single point is a mixture too


def test_a_path_is_gone_through_in_its_order_by_hand():
    """0.2 -> 0.6 over [1, 3]; then back to 2 with 0.4: what lies between is taken off, 0.4 up to 5."""
    x_N1, y_N1 = np.array([[1.0], [3.0], [2.0]]), np.array([[0.2], [0.6], [0.4]])
    assert metrics.path_area(x_N1[:2], y_N1[:2], 5) == pytest.approx((0.8 + 1.2) / 4)
    assert metrics.path_area(x_N1, y_N1, 5) == pytest.approx((0.8 - 0.5 + 3 * 0.4) / 4)


# --- value ----------------------------------------------------------------------------------------


def test_score_runs_from_the_best_fixed_to_the_prophet():
    assert metrics.normalised_score(0.3, 0.2, 0.6) == pytest.approx(0.25)
    assert np.isnan(metrics.normalised_score(0.3, 0.3, 0.3))
    assert np.isnan(metrics.normalised_score(0.1 + 0.2, 0.3, 0.1 + 0.2))  # equal but for rounding


# --- where it goes wrong --------------------------------------------------------------------------


def test_errors_by_hand():
    """Lost at 3; right and late; halts too early; never right; wrong between two rights."""
    correct_MP = np.array([[0, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 1, 1, 0, 1]], bool)
    got = metrics.errors(correct_MP, np.array([3, 2, 1, 2, 2]))
    assert got._asdict() == pytest.approx(
        {
            "wrong": 4 / 5, "never": 1 / 5, "under": 2 / 5, "lost": 2 / 5, "both": 1 / 5,
            "needed": 1 / 5, "late": 3 / 5, "wasted": 1 / 5, "in_vain": 0,
            "gave_up": 3 / 5, "gave_up_justly": 1 / 5,
        }
    )  # fmt: skip
    assert got.precision == pytest.approx(1 / 3)


def test_segments_before_a_right_answer_that_is_not_reached_are_in_vain():
    got = metrics.errors(np.array([[0], [0], [0], [1]], bool), np.array([3]))
    assert (got.in_vain, got.under, got.needed, got.precision) == (2, 1, 0, 0)
    assert np.isnan(metrics.errors(np.array([[True]]), np.array([1])).precision)


@given(halted())
def test_errors_and_segments_add_up(case):
    correct_MP, segment_P = case
    e = metrics.errors(correct_MP, segment_P)
    right_P = correct_MP[segment_P - 1, np.arange(len(segment_P))]
    assert e.wrong == pytest.approx(1 - right_P.mean())
    assert e.wrong == pytest.approx(e.never + e.under + e.lost - e.both)
    assert segment_P.mean() == pytest.approx(1 + e.needed + e.late + e.wasted + e.in_vain)
    assert 0 <= e.gave_up_justly <= e.gave_up <= e.wrong


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


def test_halting_at_the_first_right_segment_correlates_perfectly_with_it():
    """Puzzles that are never right have no first right segment, and are left out."""
    correct_MP = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]], bool)
    got = metrics.correlation_with_first_correct(correct_MP, np.array([1, 2, 3, 1]))
    assert got == pytest.approx((1, 1, 3))
    assert metrics.correlation(np.array([1, 2, 2, 3]), np.array([9, 5, 5, 1])) == (-1, -1, 4)
    nothing = metrics.correlation_with_first_correct(~correct_MP & correct_MP, np.ones(4, int))
    assert np.isnan(nothing.spearman) and nothing.puzzles == 0
