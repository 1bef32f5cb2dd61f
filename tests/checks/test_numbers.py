"""Numbers and names at the border: what passes, what is refused, and in which words."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.checks.numbers import choice, did_you_mean, real, whole


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3), np.array(3)])
def test_whole_numbers_come_back_as_int(value: object) -> None:
    number = whole("limit", value, low=0, high=3)
    assert number == 3 and type(number) is int


@pytest.mark.parametrize("value", [4.5, 4.0, "4", None, True, math.nan, [4], np.array([4, 5])])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^limit must be a whole number >= 0, got "):
        whole("limit", value, low=0)


@given(st.integers(), st.integers(), st.integers())
def test_a_range_holds_its_ends(value: int, low: int, high: int) -> None:
    if low <= value <= high:
        assert whole("n", value, low=low, high=high) == value
        assert whole("n", value, low=value, high=value) == value
    else:
        with pytest.raises(ValueError, match=rf"^n must be a whole number in {low}..{high}, got"):
            whole("n", value, low=low, high=high)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), torch.tensor(0.5), np.float64(0.5)])
def test_real_numbers_come_back_as_float(value: object) -> None:
    number = real("step_cost", value, low=0)
    assert number == 0.5 and type(number) is float
    assert real("step_cost", 1) == 1.0


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "0.1", None, True, -1e-9, 10**400, torch.ones(2)]
)
def test_what_is_not_finite_or_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^step_cost must be a finite number >= 0, got "):
        real("step_cost", value, low=0)


def test_sentences() -> None:
    with pytest.raises(ValueError) as error:
        whole("max_segments", 4.5, low=1, cure="it counts the segments")
    assert str(error.value) == (
        "max_segments must be a whole number >= 1, got 4.5; it counts the segments"
    )
    with pytest.raises(ValueError) as error:
        real("gamma", 2, low=0, high=1)
    assert str(error.value) == "gamma must be a finite number in 0..1, got 2"
    with pytest.raises(ValueError, match=r"\.\.\.$"):
        whole("n", "x" * 1000)
    with pytest.raises(ValueError, match=r"^n must be a whole number <= 9, got one of type int"):
        whole("n", 10**5000, high=9)


def test_a_name_is_one_of_those_there_are() -> None:
    assert choice("tie", "halt", ("continue", "halt")) == "halt"
    with pytest.raises(ValueError) as error:
        choice("tie", "hlat", ("continue", "halt"))
    assert str(error.value) == (
        "tie must be one of continue, halt, got 'hlat'; did you mean \"halt\"?"
    )
    assert did_you_mean("zzz", ["halt"]) == ""
