"""Wrong numbers, at every function that takes them: computed, or one sentence.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from banks import bank_of
from borders import BANK, MODEL, learn, sentence
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import PUZZLES
from tiny import tiny_run

from hrm_rl.agents.comparison import compare as comparison
from hrm_rl.agents.comparison.curves import pareto_table, value_curves
from hrm_rl.agents.comparison.scaling import inference_scaling
from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import basic, calibrated, coins, rule, sweep, thresholds
from hrm_rl.banks.bank import log_bank, observe
from hrm_rl.banks.synthetic import Chain, generate
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.halting import Halted, draw_min_segments
from hrm_rl.statistics import calibration, comparisons, metrics, regressors
from hrm_rl.statistics.bootstrap import resample
from hrm_rl.stopping import belief, budget, chains, exact, snell
from hrm_rl.training.data import mixture
from hrm_rl.training.optim import AdamAtan2

SCALARS, _ = bank_of(torch.tensor([[True, False], [True, True], [False, True]]))
HALTED = Halted(torch.tensor([1, 2, 3, 1, 2, 3]), torch.zeros(6, dtype=torch.bool))
OUTCOME = exact.outcome(BANK, rule("q"), 0.0)
RIGHT = np.array([True, False, True])
P3 = np.array([0.2, 0.5, 0.9])


@pytest.fixture(autouse=True)
def as_users_run_it(unchecked_shapes: None) -> Iterator[None]:
    """Annotated shapes are checked in tests alone: what is tried here is what users meet."""
    yield


class Border(NamedTuple):
    """A function of one number, and numbers that it takes."""

    call: Callable[[Any], Any]
    right: Any
    low: float = -math.inf
    """What is below it is refused ..."""
    high: float = math.inf
    """... and above."""
    whole: bool = False
    below: bool = False
    """Whether `low` itself is refused."""


def config(field: str) -> Callable[[Any], Any]:
    return lambda value: tiny_run(**{field: value})


def optimiser(**arguments: Any) -> Any:
    return AdamAtan2([torch.nn.Parameter(torch.zeros(1))], **arguments)


COSTS: dict[str, Callable[[Any], Any]] = {
    "outcome": lambda x: exact.outcome(BANK, rule("q"), x),
    "outcome_of_halted": lambda x: exact.outcome_of_halted(BANK, HALTED, x),
    "rewards": lambda x: exact.rewards(BANK.correct_MP, x),
    "best_fixed": lambda x: exact.best_fixed(BANK, x),
    "prophet": lambda x: exact.prophet(BANK, x),
    "value_P": lambda x: HALTED.value_P(x),
    "fit_snell": lambda x: snell.fit_snell(BANK, "o", x),
    "backward_induction": lambda x: snell.backward_induction(BANK, "o", x, regressors.table),
    "chains.score": lambda x: chains.score(Chain(3, 0.3, 0.3), rule("q"), x),
    "full_observation": lambda x: belief.full_observation(Chain(3, 0.3, 0.3), x),
    "belief_optimum": lambda x: belief.belief_optimum(
        Chain(2, 0.3, 0.3, scale=1.0), x, nodes=5, quadrature=5
    ),
    "best_memoryless": lambda x: belief.best_memoryless(Chain(2, 0.3, 0.3, scale=1.0), x),
    "act_q_fixed_point": lambda x: belief.act_q_fixed_point(Chain(2, 0.3, 0.3), step_cost=x),
    "play_on": lambda x: play_on(BANK, observation="o", step_cost=x),
    "compare": lambda x: comparison.compare(BANK, {}, step_costs=(x,)),
    "value_curves": lambda x: value_curves(BANK, BANK, [], {}, [x]),
    "score": lambda x: score("fixed-2", BANK, step_cost=x),
}
BORDERS: dict[str, Border] = {
    **{f"step cost of {name}": Border(call, 0.125, low=0) for name, call in COSTS.items()},
    "evaluate batch_size": Border(
        lambda x: evaluate(MODEL, PUZZLES, rule("q"), 2, batch_size=x), 3, 1, whole=True
    ),
    "evaluate max_segments": Border(
        lambda x: evaluate(MODEL, PUZZLES, rule("fixed-1"), x), 2, 1, whole=True
    ),
    "solve max_segments": Border(
        lambda x: list(solve(MODEL, torch.from_numpy(PUZZLES.inputs_PL[0]), rule("fixed-1"), x)),
        2, 1, whole=True,
    ),
    "log_bank max_segments": Border(lambda x: log_bank(MODEL, PUZZLES, x), 1, 1, 3, whole=True),
    "log_bank batch_size": Border(
        lambda x: log_bank(MODEL, PUZZLES, 1, batch_size=x), 8, 1, whole=True
    ),
    "Bank.first": Border(BANK.first, 2, 1, 3, whole=True),
    "observe segment": Border(lambda x: observe(BANK, "o", x), 1, 1, 3, whole=True),
    "always_at": Border(lambda x: comparison.always_at(BANK, x), 3, 1, 3, whole=True),
    "fixed_segments": Border(comparison.fixed_segments, 5, 1, whole=True),
    "play_on max_segments": Border(
        lambda x: play_on(BANK, observation="o", max_segments=x), 3, 2, 3, whole=True
    ),
    "play_on slots": Border(lambda x: play_on(BANK, observation="o", slots=x), 2, 1, 99, whole=True),
    "generate puzzles": Border(lambda x: generate(Chain(2, 0.3, 0.3), x), 3, 1, 99, whole=True),
    "generate seed": Border(lambda x: generate(Chain(2, 0.3, 0.3), 2, x), 3, 0, whole=True),
    "chain hazard": Border(lambda x: Chain(3, 0.3, x), 0.5, 0, 1),
    "chain max_segments": Border(lambda x: Chain(x, 0.3, 0.3), 5, 1, whole=True),
    "chain scale": Border(lambda x: Chain(3, 0.3, 0.3, scale=x), 1.5, 0),
    "chains.score nodes": Border(
        lambda x: chains.score(Chain(2, 0.3, 0.3, scale=1.0), rule("q"), 0.0, nodes=x),
        9, 1, 99, whole=True,
    ),
    "belief nodes": Border(
        lambda x: belief.belief_optimum(Chain(2, 0.3, 0.3, scale=1.0), 0.0, nodes=x), 9, 2, 99,
        whole=True,
    ),
    "draw_min_segments": Border(
        lambda x: draw_min_segments(2, 4, x, None, torch.device("cpu")), 0.5, 0, 1
    ),
    "budget limit": Border(lambda x: budget.best_mixture([OUTCOME], x), 9.5, OUTCOME.segments),
    "mixed weight": Border(lambda x: budget.mixed(OUTCOME, OUTCOME, x), 0.5, 0, 1),
    "Mixture weight": Border(lambda x: budget.Mixture(rule("q"), rule("trm"), x), 0.5, 0, 1),
    "Mixture seed": Border(
        lambda x: budget.Mixture(rule("q"), rule("trm"), 0.5, x), 1, 0, whole=True
    ),
    "folds": Border(
        lambda x: snell.cross_fitted(BANK, lambda part: rule("q"), folds=x), 3, 2, 6, whole=True
    ),
    "fixed": Border(basic.FixedSegments, 3, 1, whole=True),
    "random": Border(basic.RandomHalting, 0.5, 0, 1),
    "random seed": Border(lambda x: basic.RandomHalting(0.5, x), 5, 0, whole=True),
    "q": Border(basic.QGreedy, 0.5, -1001, 1001),
    "trm": Border(basic.QThreshold, 0.25, -0.01, 1.01),
    "sampled": Border(coins.Sampled, 0.5, -1001, 1001),
    "sampled seed": Border(lambda x: coins.Sampled(0.0, x), 5, 0, whole=True),
    "cumulative": Border(coins.Cumulative, 0.5, -0.01),
    "upper": Border(lambda x: thresholds.TwoSided(x), 0.5, 0, 1),
    "lower": Border(lambda x: thresholds.TwoSided(0.5, x), 0.5, 0, 1),
    "two-sided patience": Border(lambda x: thresholds.TwoSided(0.5, 0.1, x), 2, 1, whole=True),
    "stable": Border(thresholds.StableFor, 2, 1, 64, whole=True),
    "patience": Border(thresholds.Patience, 2, 1, 64, whole=True),
    **{
        kind: Border(cut.threshold, 0.5, -0.01, cut.most + 0.01)
        for kind, cut in thresholds.SCORES.items()
    },
    "sweep points": Border(lambda x: sweep("q", BANK, x), 5, 3, whole=True),
    "probability_of_mean": Border(lambda x: basic.probability_of_mean(x, 4), 2.5, 1, 4),
    "calibrate alpha": Border(
        lambda x: calibrated.calibrate(BANK, [rule("fixed-3")], calibrated.lost_correct, x),
        0.1, 0, 1, below=True,
    ),
    "calibrate delta": Border(
        lambda x: calibrated.calibrate(BANK, [rule("fixed-3")], calibrated.lost_correct, 0.1, x),
        0.1, 0, 1, below=True,
    ),
    "pareto_table resamples": Border(
        lambda x: pareto_table(BANK, BANK, {}, resamples=x), 3, 1, 99, whole=True
    ),
    "horizons": Border(
        lambda x: inference_scaling(BANK, {}, [x]), 2, 1, whole=True
    ),
    "resamples": Border(
        lambda x: resample([P3[None, None]], resamples=x), 5, 1, 99, whole=True
    ),
    "resample seed": Border(
        lambda x: resample([P3[None, None]], resamples=5, seed=x), 5, 0, whole=True
    ),
    "mean_interval level": Border(
        lambda x: comparisons.mean_interval(P3, level=x), 0.5, 0, 1, below=True
    ),
    "bins": Border(lambda x: calibration.calibration(P3, RIGHT, x), 3, 1, whole=True),
    "pareto_area": Border(lambda x: metrics.pareto_area(P3, P3, x), 3, 2, whole=True),
    "learning rate": Border(lambda x: optimiser(lr=x), 0.1, 0),
    "decay": Border(lambda x: optimiser(weight_decay=x), 0.1, 0),
    "beta": Border(lambda x: optimiser(betas=(0.9, x)), 0.1, 0, 0.999),
    "share": Border(lambda x: mixture((("sudoku4", x),)), 0.1, 1e-9, 1e9),
    **{
        f"config {name}": Border(config(name), 4, least, whole=True)
        for name, least in {
            "slots": 1, "steps": 1, "max_segments": 1, "warmup": 0, "seed": 0, "save_every": 1,
        }.items()
    },
    **{
        f"config {name}": Border(config(name), 0.125, 0, most)
        for name, most in {
            "lr": math.inf, "weight_decay": math.inf, "puzzle_lr": math.inf, "q_weight": math.inf,
            "puzzle_weight_decay": math.inf, "lr_min_ratio": 1, "explore_probability": 1, "ema": 0.99,
        }.items()
    },
    **{
        f"{name} steps": Border(partial(lambda n, x: learn(n, steps=x), name), 2, 1, 9, whole=True)
        for name in ("act_q", "halt_bce", "exact_pg", "lsmc", "probe")
    },
    **{
        f"{name} seed": Border(partial(lambda n, x: learn(n, seed=x), name), 2, 0, whole=True)
        for name in ("act_q", "graves", "lsmc")
    },
}  # fmt: skip
"""Where `high` is below what a user may mean, it only keeps the test quick."""

NEVER = [math.nan, math.inf, -math.inf, True, None, "8", b"8", [1, 2], np.array([1, 2]), object(),
         torch.tensor([1.0, 2.0]), 1j]  # fmt: skip


@pytest.mark.parametrize("name", BORDERS)
def test_right_numbers_are_taken(name: str) -> None:
    border = BORDERS[name]
    number = (np.int64 if border.whole else np.float64)(border.right)
    assert sentence(border.call, border.right) == sentence(border.call, number) == ""


@pytest.mark.parametrize("name", BORDERS)
def test_what_is_no_number_is_one_sentence(name: str) -> None:
    border = BORDERS[name]
    for value in [*NEVER, *([4.5, 4.0] if border.whole else [])]:
        if value is None and name in {"chain scale", "play_on max_segments", *thresholds.SCORES}:
            continue  # it means something there
        assert sentence(border.call, value), f"{name} takes {value!r}"


@pytest.mark.parametrize("name", [n for n, border in BORDERS.items() if border.low > -math.inf])
def test_what_is_out_of_range_is_one_sentence(name: str) -> None:
    border = BORDERS[name]
    wrong = [border.low - 1, -(10**40)]
    wrong += [border.low] if border.below else []
    for value in wrong:
        assert sentence(border.call, value), f"{name} takes {value!r}"


@given(st.sampled_from(sorted(BORDERS)), st.one_of(
    st.floats(), st.integers(-3, 3), st.integers(), st.text(max_size=9), st.booleans(), st.none(),
    st.lists(st.floats(), max_size=2), st.fractions(), st.binary(max_size=3),
))  # fmt: skip
@settings(max_examples=150)
def test_whatever_is_given_is_computed_or_one_sentence(name: str, value: Any) -> None:
    border = BORDERS[name]
    if isinstance(value, (int, float)) and value > border.right and border.whole:
        value = -value  # so many segments would be computed, for a long time
    said = sentence(border.call, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        assert said or border.low <= value < math.inf
    elif value is not None and not isinstance(value, Fraction):
        assert said
