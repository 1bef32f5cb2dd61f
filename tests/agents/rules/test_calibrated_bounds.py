"""P-values and bounds of calibrated halting, by hand and against the sums they stand for."""

import math
from math import comb, exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.agents.rules import calibrated


@given(st.integers(1, 80), st.integers(0, 80), st.floats(0.001, 0.999))
def test_binomial_tail_is_the_sum_of_its_terms(n: int, k: int, p: float) -> None:
    terms = [comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(min(k, n) + 1)]
    assert calibrated.binomial_tail(k, n, p) == pytest.approx(math.fsum(terms), rel=1e-9)


def test_binomial_tail_of_many_draws() -> None:
    """The median of a symmetric law, where terms underflow unless summed in logarithms."""
    assert calibrated.binomial_tail(5000, 10_001, 0.5) == pytest.approx(0.5, abs=1e-9)


def test_p_value_by_hand() -> None:
    """Without a loss it's (1 - alpha)^n: 45 puzzles are the fewest that certify 5 % at delta 0.1."""
    assert calibrated.hoeffding_bentkus(0.0, 44, 0.05) == pytest.approx(0.95**44)
    assert 0.95**45 < 0.1 < 0.95**44
    hoeffding = exp(-200 * (0.01 * log(0.01 / 0.05) + 0.99 * log(0.99 / 0.95)))
    bentkus = exp(1) * sum(comb(200, j) * 0.05**j * 0.95 ** (200 - j) for j in range(3))
    assert bentkus < hoeffding  # 0.0063 and 0.0071
    assert calibrated.hoeffding_bentkus(2 / 200, 200, 0.05) == pytest.approx(bentkus)
    hoeffding = exp(-10 * (0.3 * log(0.3 / 0.5) + 0.7 * log(0.7 / 0.5)))
    assert calibrated.hoeffding_bentkus(0.3, 10, 0.5) == pytest.approx(hoeffding)  # 0.439, 0.467
    assert calibrated.hoeffding_bentkus(0.06, 200, 0.05) == 1


def test_p_value_of_a_broken_count_rounds_up() -> None:
    """Losses between 0 and 1 that add up to 2.5 count as 3 in the binomial term, not as 2."""
    r, a = 2.5 / 200, 0.05
    hoeffding = exp(-200 * (r * log(r / a) + (1 - r) * log((1 - r) / (1 - a))))
    two, three = (math.e * calibrated.binomial_tail(k, 200, a) for k in (2, 3))
    assert two < hoeffding < three  # 0.0063, 0.0153, 0.0246
    assert calibrated.hoeffding_bentkus(r, 200, a) == pytest.approx(hoeffding)


@given(st.integers(1, 200), st.floats(0.01, 0.9), st.floats(0.01, 0.5))
def test_p_value_is_valid(n: int, alpha: float, delta: float) -> None:
    """If the risk is alpha, it is at most delta with probability at most delta: exact, not drawn."""
    wrong = [k for k in range(n + 1) if calibrated.hoeffding_bentkus(k / n, n, alpha) <= delta]
    mass = sum(comb(n, k) * alpha**k * (1 - alpha) ** (n - k) for k in wrong)
    assert mass <= delta + 1e-9


def test_crc_bound_by_hand() -> None:
    """One loss among 19, and 1 for the puzzle to come: 2 of 20."""
    assert calibrated.crc_bound(1 / 19, 19) == pytest.approx(0.1)
    assert calibrated.crc_bound(0.0, 19) == pytest.approx(0.05)
