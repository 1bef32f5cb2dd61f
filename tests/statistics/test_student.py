"""Student's t against tables, closed forms and laws."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hrm_rl.statistics import student

T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 30: 2.042, 1000: 1.962}
"""From any printed table."""


@pytest.mark.parametrize(("freedom", "t"), T_975.items())
def test_quantiles_are_those_of_the_tables(freedom: int, t: float) -> None:
    assert student.quantile(0.975, freedom) == pytest.approx(t, abs=6e-4)
    assert student.quantile(0.025, freedom) == pytest.approx(-t, abs=6e-4)


@given(st.floats(-30, 30))
@example(1e-6)
@example(-1e-300)
def test_one_and_two_degrees_of_freedom_have_closed_forms(t: float) -> None:
    """The Cauchy distribution, and 1/2 - t / (2 sqrt(2 + t^2))."""
    assert student.tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, abs=1e-12)
    assert student.tail(t, 2) == pytest.approx(0.5 - t / (2 * math.sqrt(2 + t * t)), abs=1e-12)


@given(st.floats(1e-9, 1 - 1e-9), st.floats(0.3, 1e9))
def test_a_quantile_is_the_inverse_of_the_tail(probability: float, freedom: float) -> None:
    t = student.quantile(probability, freedom)
    assert 1 - student.tail(t, freedom) == pytest.approx(probability, rel=1e-6, abs=1e-9)


def test_many_degrees_of_freedom_are_the_normal() -> None:
    assert student.quantile(0.975, math.inf) == pytest.approx(1.959964, abs=1e-6)
    assert student.tail(1.959964, 1e8) == pytest.approx(0.025, abs=1e-7)


@pytest.mark.parametrize("freedom", [0, -1, math.nan])
def test_no_freedom_is_refused(freedom: float) -> None:
    with pytest.raises(ValueError, match="freedom must be a number > 0"):
        student.tail(1.0, freedom)
