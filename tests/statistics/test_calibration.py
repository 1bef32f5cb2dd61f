"""Calibration against numbers worked out by hand, and the laws that it obeys."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.statistics import calibration
from hrm_rl.statistics.calibration import risk_coverage_area

labelled = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12)


def test_calibration_by_hand():
    """Two bins: (0.1, 0.3 | right: no, yes) off by 0.3, (0.8, 1.0 | yes, yes) off by 0.1."""
    got = calibration.calibration(
        np.array([0.8, 0.1, 1.0, 0.3]), np.array([1, 0, 1, 1], bool), bins=2
    )
    assert got.auroc == 1
    assert got.brier == pytest.approx((0.2**2 + 0.1**2 + 0 + 0.7**2) / 4)
    assert got.ece == pytest.approx((0.3 + 0.1) / 2)
    assert (got.base_rate, got.answers) == (0.75, 4)


def test_murphy_parts_by_hand():
    """The same two bins, at 0.2 and 0.9 against shares of 1/2 and 1, around 3/4."""
    got = calibration.murphy(np.array([0.8, 0.1, 1.0, 0.3]), np.array([1, 0, 1, 1], bool), bins=2)
    assert got == pytest.approx((0.05, 0.0625, 0.1875, -0.04))


@given(labelled, st.integers(1, 15), st.randoms())
def test_murphy_parts_add_up_in_any_order(pairs, bins, random):
    p, right = np.array([(s + 3) / 6 for s, _ in pairs]), np.array([r for _, r in pairs])
    parts = calibration.murphy(p, right, bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(np.mean((p - right) ** 2))
    assert min(parts[:3]) >= 0
    order = np.array(random.sample(range(len(pairs)), len(pairs)))
    assert calibration.murphy(p[order], right[order], bins) == pytest.approx(parts)
    assert calibration.murphy(np.full(len(p), 0.3), right, bins).within == pytest.approx(0)


def test_reliability_curve_by_hand():
    """Six answers, two bins of ranks; the three that tie at 0.5 stay together in the upper one."""
    p = np.array([0.5, 0.2, 0.5, 0.1, 0.5, 0.9])
    right = np.array([1, 1, 0, 0, 0, 1], bool)
    got = calibration.reliability_curve(p, right, bins=2)
    assert got.probability_B == pytest.approx([0.15, 0.6])
    assert got.right_B == pytest.approx([0.5, 0.5])
    assert got.answers_B.tolist() == [2, 4]


@given(labelled, st.integers(1, 15))
def test_calibration_lies_in_the_unit_interval(pairs, bins):
    probability = np.array([(s + 3) / 6 for s, _ in pairs])
    got = calibration.calibration(probability, np.array([r for _, r in pairs]), bins)
    assert 0 <= got.brier <= 1 and 0 <= got.ece <= 1
    assert got.ece >= abs(probability.mean() - got.base_rate) - 1e-12  # Jensen: bins add up


def test_calibration_of_each_segment_reads_logits():
    q_MP = np.array([[0.0, 0.0], [-50.0, 50.0]])
    first, second = calibration.calibration_by_segment(
        q_MP, np.array([[False, True], [False, True]])
    )
    assert (first.auroc, first.brier, first.ece, first.base_rate) == (0.5, 0.25, 0, 0.5)
    assert (second.auroc, second.auprc) == (1, 1)
    assert second.brier < 1e-12 and second.ece < 1e-12


def test_calibration_while_alive_sees_no_segment_after_the_halt():
    """Three segments, halts after 1 and after 2: three answers are seen, of probability 1/2."""
    correct_MP = np.array([[True, False], [False, True], [False, False]])
    q_MP = np.array([[0.0, 0.0], [99.0, 0.0], [99.0, 99.0]])
    got = calibration.calibration_while_alive(q_MP, correct_MP, np.array([1, 2]))
    assert (got.answers, got.base_rate, got.brier) == (3, 2 / 3, 0.25)
    everything = calibration.calibration_while_alive(q_MP, correct_MP, np.array([3, 3]))
    assert everything.answers == 6


@given(st.lists(st.tuples(st.sampled_from([-900, -1, 0, 1, 40, 900]), st.booleans()), min_size=1))
def test_answers_counted_by_logit_are_those_counted_by_probability(pairs):
    """Also where different logits have the same probability, 1 for 40 and for 900."""
    q_MP = np.array([[logit for logit, _ in pairs]], np.float32)
    correct_MP = np.array([[right for _, right in pairs]])
    got = calibration.calibration_while_alive(q_MP, correct_MP, np.ones(len(pairs), int))
    same = calibration.calibration(calibration.probability(q_MP[0]), correct_MP[0])
    assert got == same or np.isnan(got.auroc)
    assert got.brier == same.brier and got.answers == same.answers == len(pairs)


def test_probability_of_extreme_logits_is_finite():
    got = calibration.probability(np.array([-1e4, 0.0, 1e4]))
    assert got == pytest.approx([0, 0.5, 1])


def test_calibration_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one answer"):
        calibration.calibration(np.zeros(0), np.zeros(0, bool))


# --- risk and coverage ----------------------------------------------------------------------------


def test_area_under_risk_and_coverage_by_hand():
    """Right, wrong, right: 0, 1/2, 1/3 are wrong of the first one, two, three."""
    right_P = np.array([True, False, True])
    assert risk_coverage_area(np.array([3.0, 2.0, 1.0]), right_P) == pytest.approx(5 / 18)
    # The first two in either order: 1/2, 1/2, 1/3
    assert risk_coverage_area(np.array([3.0, 3.0, 1.0]), right_P) == pytest.approx(4 / 9)
    assert risk_coverage_area(np.zeros(3), right_P) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="needs answers, got none"):
        risk_coverage_area(np.array([]), np.array([], bool))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6))
def test_ties_are_averaged_over_all_orders(pairs):
    score_P, right_P = (np.array(column) for column in zip(*pairs, strict=True))
    curves = []
    for order in itertools.permutations(range(len(pairs))):
        ranked = score_P[list(order)]
        if (np.diff(ranked) <= 0).all():
            wrong = np.cumsum(~right_P[list(order)])
            curves.append(np.mean(wrong / np.arange(1, len(pairs) + 1)))
    assert risk_coverage_area(score_P, right_P) == pytest.approx(np.mean(curves))
