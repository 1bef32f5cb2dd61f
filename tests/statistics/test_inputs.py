"""Statistics refuse what is no number, or not of one length: a nan would rank highest."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.statistics import bootstrap, calibration, comparisons, metrics, ranks, regressors

RIGHT = np.array([True, False, True, False])
SCORE = np.array([0.9, 0.1, 0.8, 0.3])
CORRECT_MP = np.array([[False, True, False, False], [True, True, True, False]])


@pytest.fixture(autouse=True)
def as_users_run_it(unchecked_shapes: None) -> Iterator[None]:
    yield


OF_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "mid_ranks": ranks.mid_ranks,
    "auroc": lambda x: ranks.auroc(x, RIGHT),
    "average_precision": lambda x: ranks.average_precision(x, RIGHT),
    "spearman": lambda x: ranks.spearman(x, SCORE),
    "kendall": lambda x: ranks.kendall(SCORE, x),
    "correlation": lambda x: metrics.correlation(x, SCORE),
    "concave_hull": lambda x: metrics.concave_hull(x, SCORE),
    "pareto_area": lambda x: metrics.pareto_area(SCORE, x, 3),
    "cheapest_mixture": lambda x: metrics.cheapest_mixture(x, SCORE, 0.5),
    "accuracy_by_band": lambda x: metrics.accuracy_by_band(CORRECT_MP, x),
    "calibration": lambda x: calibration.calibration(x, RIGHT),
    "reliability_curve": lambda x: calibration.reliability_curve(x, RIGHT),
    "murphy": lambda x: calibration.murphy(x, RIGHT),
    "ece": lambda x: calibration.expected_calibration_error(x, RIGHT),
    "mean_interval": lambda x: comparisons.mean_interval(x),
    "paired_difference": lambda x: comparisons.paired_difference(x, SCORE),
    "iqm": comparisons.iqm,
    "iqm_interval": lambda x: comparisons.iqm_interval(x[None]),
    "over_seeds": comparisons.over_seeds,
    "holm": comparisons.holm,
    "resample": lambda x: bootstrap.resample([x[None, None]], resamples=3),
}
SHORT = {"auroc", "average_precision", "spearman", "kendall", "correlation", "concave_hull",
         "pareto_area", "cheapest_mixture", "accuracy_by_band", "calibration", "reliability_curve",
         "murphy", "ece", "paired_difference"}  # fmt: skip
EMPTY = {"concave_hull", "pareto_area", "calibration", "mean_interval", "iqm", "over_seeds", "resample",
         "iqm_interval"}  # fmt: skip


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_what_is_no_number_is_one_sentence(name: str, number: float) -> None:
    assert OF_NUMBERS[name](SCORE) is not None
    holed = SCORE.copy()
    holed[1] = number
    with pytest.raises(ValueError, match=rf"must be finite numbers, got {number}") as error:
        OF_NUMBERS[name](holed)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(SHORT))
def test_columns_of_other_lengths_are_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"got|one value for each of 4"):
        OF_NUMBERS[name](SCORE[:3])


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_nothing_is_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"none|not empty|no puzzles|one value for each"):
        OF_NUMBERS[name](SCORE[:0])


@pytest.mark.parametrize("name", ["calibration", "murphy", "ece", "holm"])
@pytest.mark.parametrize("number", [-0.1, 1.1])
def test_probabilities_lie_in_their_range(name: str, number: float) -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        OF_NUMBERS[name](np.append(SCORE[:3], number))


@pytest.mark.parametrize("segment", [[0, 1, 1, 1], [1, 1, 1, 3], [1, 1, 1], [1.0, math.nan, 1, 1]])
def test_segments_are_those_of_the_bank(segment: list[float]) -> None:
    for ask in (
        metrics.error_columns,
        metrics.errors,
        metrics.correlation_with_first_correct,
        lambda c, s: calibration.calibration_while_alive(np.zeros(c.shape), c, s),
    ):
        with pytest.raises(ValueError, match=r"segments must be in 1\.\.2|segment_P must"):
            ask(CORRECT_MP, np.array(segment))


def test_one_class_and_nothing_have_no_ranking() -> None:
    all_right = np.ones(4, bool)
    assert math.isnan(ranks.auroc(SCORE, all_right)) and math.isnan(ranks.auroc(SCORE, ~all_right))
    assert math.isnan(ranks.average_precision(SCORE, ~all_right))
    nothing = np.zeros(0)
    assert math.isnan(ranks.auroc(nothing, nothing > 0))
    assert metrics.correlation(nothing, nothing).puzzles == 0
    with pytest.raises(ValueError, match="means over puzzles"):
        metrics.errors(np.zeros((2, 0), bool), np.zeros(0, int))


def test_verdicts_are_bools() -> None:
    for ask in (ranks.auroc, ranks.average_precision, calibration.calibration):
        with pytest.raises(ValueError, match="must be a numpy array of bools, got one of int64"):
            ask(SCORE, RIGHT.astype(int))
    with pytest.raises(ValueError, match="must have one value for each of 4"):
        comparisons.mcnemar(RIGHT, RIGHT[:3])


@given(st.lists(st.floats(), min_size=4, max_size=4), st.sampled_from(sorted(OF_NUMBERS)))
def test_whatever_is_given_is_computed_or_one_sentence(values: list[float], name: str) -> None:
    try:
        with np.errstate(all="ignore"):
            OF_NUMBERS[name](np.array(values))
    except ValueError as error:
        raised = traceback.extract_tb(error.__traceback__)[-1]
        assert "\n" not in str(error) and "site-packages" not in raised.filename


@pytest.mark.parametrize(
    "fit", [regressors.table, regressors.binned, regressors.linear, regressors.random_features]
)
def test_a_fit_needs_rows_of_numbers(fit: Callable[..., Any]) -> None:
    obs, target, weight = torch.arange(4.0)[:, None], torch.ones(4), torch.full((4,), 0.25)
    obs, target, weight = obs, target.double(), weight.double()
    assert fit(obs, target, weight)(obs).shape == (4,)
    for at, part in enumerate((obs, target, weight)):
        holed = part.clone()
        holed[1] = math.nan
        given_ = [obs, target, weight]
        given_[at] = holed
        with pytest.raises(ValueError, match="finite numbers"):
            fit(*given_)
    with pytest.raises(ValueError, match="a fit needs rows"):
        fit(obs[:0], target[:0], weight[:0])
    with pytest.raises(ValueError, match="a fit needs rows"):
        fit(obs[:3], target, weight)
