"""Wrong numbers, names and things, at every function that takes them: computed, or one sentence.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import jaxtyping
import numpy as np
import pytest
import torch
from banks import bank_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import PUZZLES, tiny_hrm
from tiny import tiny_run

from hrm_rl.agents.comparison import compare as comparison
from hrm_rl.agents.comparison import report
from hrm_rl.agents.comparison.curves import pareto_table, value_curves
from hrm_rl.agents.comparison.scaling import inference_scaling
from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners import LEARNERS, learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import KNOBS, RULES, basic, calibrated, coins, rule, sweep, thresholds
from hrm_rl.banks.bank import log_bank, observe, play
from hrm_rl.banks.synthetic import Chain, bank_a, generate
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.halting import Halted, draw_min_segments
from hrm_rl.puzzles import load
from hrm_rl.statistics import calibration, comparisons, metrics, regressors
from hrm_rl.stopping import belief, budget, chains, exact, snell
from hrm_rl.training.data import mixture
from hrm_rl.training.optim import AdamAtan2

BANK = bank_a(6, 3)
SCALARS, _ = bank_of(torch.tensor([[True, False], [True, True], [False, True]]))
MODEL = tiny_hrm()
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


def learn(name: str, **arguments: Any) -> Any:
    return learner(name)(
        play_on(BANK, observation="o", slots=2), **{"steps": 2, "seed": 0} | arguments
    )


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
    "compare": lambda x: comparison.compare(BANK, {}, step_costs=(x,), resamples=2),
    "value_curves": lambda x: value_curves(BANK, BANK, [], {}, [x]),
    "score": lambda x: score("fixed-2", BANK, step_cost=x, resamples=2),
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
    "budget limit": Border(lambda x: budget.spend([OUTCOME], x), 9.5, OUTCOME.segments),
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
    "compare resamples": Border(
        lambda x: comparison.compare(BANK, {}, resamples=x), 3, 1, 99, whole=True
    ),
    "pareto_table resamples": Border(lambda x: pareto_table(BANK, {}, resamples=x), 3, 1, 99, whole=True),
    "horizons": Border(
        lambda x: inference_scaling(BANK, {}, [x], resamples=2), 2, 1, whole=True
    ),
    "mean_interval resamples": Border(
        lambda x: comparisons.mean_interval(P3, resamples=x), 5, 1, 99, whole=True
    ),
    "mean_interval level": Border(
        lambda x: comparisons.mean_interval(P3, level=x, resamples=5), 0.5, 0, 1, below=True
    ),
    "mean_interval seed": Border(
        lambda x: comparisons.mean_interval(P3, seed=x, resamples=5), 5, 0, whole=True
    ),
    "bins": Border(lambda x: calibration.calibration(P3, RIGHT, x), 3, 1, whole=True),
    "pareto_area": Border(lambda x: metrics.pareto_area(P3, P3, x), 3, 2, whole=True),
    "slack": Border(lambda x: metrics.compute_saved(P3, P3, 4, 0.5, x), 0.1, 0),
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
        for name in ("q", "halt_bce", "exact_pg", "lsmc", "probe")
    },
    **{
        f"{name} seed": Border(partial(lambda n, x: learn(n, seed=x), name), 2, 0, whole=True)
        for name in ("q", "graves", "lsmc")
    },
}  # fmt: skip
"""Where `high` is below what a user may mean, it only keeps the test quick."""

NEVER = [math.nan, math.inf, -math.inf, True, None, "8", b"8", [1, 2], np.array([1, 2]), object(),
         torch.tensor([1.0, 2.0]), 1j]  # fmt: skip


def sentence(call: Callable[[Any], Any], value: Any) -> str:
    """What is said of the value; "" if it is taken."""
    try:
        call(value)
    except (ValueError, TypeError) as error:
        assert not isinstance(error, jaxtyping.TypeCheckError)
        said = str(error)
        assert said and "\n" not in said, said
        raised = error.__traceback__
        while raised is not None and raised.tb_next is not None:
            raised = raised.tb_next
        assert raised is not None
        where = raised.tb_frame.f_code.co_filename
        assert "hrm_rl" in where and "site-packages" not in where, f"{where} says {said}"
        return said
    return ""


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


# --- rules by name --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RULES)
def test_no_knob_is_taken_that_is_no_number_or_that_says_nothing(kind: str) -> None:
    knobs = KNOBS[type(RULES[kind]())]
    for word in ("nan", "inf", "-inf", "1e9999", "-7", "1_0", "٣", "", "x", "-1e300"):
        if kind in ("q", "sampled") and word == "-7":
            continue
        with pytest.raises(ValueError, match=r"must be|no rule") as error:
            rule(f"{kind}-{word}")
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="no more knobs"):
        rule("-".join([kind, *["1"] * (len(knobs) + 1)]))


@pytest.mark.parametrize(
    "name",
    ["trm-7", "random-2", "stable-0", "stable-65", "patience-65", "fixed-1e9", "fixed-0", "q-1e9",
     "confidence-2", "margin--1", "entropy--1", "residual-9", "kl-31", "two-sided-0.5-2",
     "fixed-99999999999"],
)  # fmt: skip
def test_a_rule_that_would_halt_always_or_never_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        rule(name)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("stabel-2", "stable"), ("Fixed-8", "fixed"), ("confidense", "confidence"), ("entropi", "entropy")],
)  # fmt: skip
def test_a_near_miss_is_told_what_it_was_meant_to_be(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f'no rule "{typed}"; there are .*did you mean "{meant}"'):
        rule(typed)


def test_a_long_bank_is_swept_as_far_as_stability_is_counted() -> None:
    assert len(sweep("stable", bank_a(2, 80))) == 64


# --- names and other things where objects are wanted ----------------------------------------------

THINGS: dict[str, Callable[[], Any]] = {
    "play bank": lambda: play("sudoku9-test", rule("q")),  # type: ignore[arg-type]
    "play policy": lambda: play(BANK, "q"),  # type: ignore[arg-type]
    "play class": lambda: play(BANK, basic.QGreedy),  # type: ignore[arg-type]
    "play lambda": lambda: play(BANK, lambda obs, m: obs[:, 0] > 0),  # type: ignore[arg-type]
    "outcome": lambda: exact.outcome("sudoku9-test", rule("q"), 0.0),  # type: ignore[arg-type]
    "best_fixed": lambda: exact.best_fixed("sudoku9-test", 0.0),  # type: ignore[arg-type]
    "prophet": lambda: exact.prophet("sudoku9-test", 0.0),  # type: ignore[arg-type]
    "first_correct": lambda: basic.first_correct("sudoku9-test"),  # type: ignore[arg-type]
    "fit_snell": lambda: snell.fit_snell("sudoku9-fit", "q", 0.0),  # type: ignore[arg-type]
    "sweep": lambda: sweep("q", "sudoku9-fit"),  # type: ignore[arg-type]
    "compare": lambda: comparison.compare("sudoku9-test", {}),  # type: ignore[arg-type]
    "learn on a bank": lambda: learner("lsmc")(BANK, steps=1, seed=0),  # type: ignore[arg-type]
    "learn on a name": lambda: learner("ppo")("sudoku9", steps=1, seed=0),  # type: ignore[arg-type]
    "learn wrapped": lambda: learner("q")(
        SimpleNamespace(unwrapped=play_on(BANK, observation="o")), steps=1, seed=0  # type: ignore[arg-type]
    ),
    "evaluate model": lambda: evaluate("sudoku4", PUZZLES, rule("q"), 2),  # type: ignore[arg-type]
    "evaluate puzzles": lambda: evaluate(MODEL, "sudoku4", rule("q"), 2),  # type: ignore[arg-type]
    "evaluate policy": lambda: evaluate(MODEL, PUZZLES, "q", 2),  # type: ignore[arg-type]
    "log_bank puzzles": lambda: log_bank(MODEL, "sudoku4", 2),  # type: ignore[arg-type]
    "log_bank nothing": lambda: log_bank(MODEL, PUZZLES.take([]), 2),
    "log_bank observation": lambda: log_bank(MODEL, PUZZLES, 1, observations=("scalar",)),
    "evaluate another task": lambda: evaluate(MODEL, load("sudoku9", "test"), rule("q"), 2),
    "solve another task": lambda: list(solve(MODEL, torch.zeros(81, dtype=torch.long), rule("q"), 2)),
    "solve no token": lambda: list(solve(MODEL, torch.full((16,), 6), rule("q"), 2)),
    "compare one policy": lambda: comparison.compare(BANK, {"mine": rule("q")}),  # type: ignore[dict-item]
    "compare a list": lambda: comparison.compare(BANK, ["q"]),  # type: ignore[arg-type]
    "no rows": lambda: report.table([]),
    "learner": lambda: learner("pp0"),
    "setting of sb3": lambda: learner("ppo", n_epoch=3),
    "setting": lambda: learner("exact_pg", entropie=1.0),
    "rule": lambda: rule(8),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", THINGS)
def test_the_wrong_thing_is_answered_in_one_sentence_with_the_cure(name: str) -> None:
    said = sentence(lambda _: THINGS[name](), None)
    assert said
    cures = ("read_bank", "rule(", "observation", "play_on", "unwrapped", "source", "load_model",
             "did you mean", "at least one", "fixed-8", "take a", "[policy]", "make_vec")  # fmt: skip
    assert any(cure in said for cure in cures), said


# --- what learners are told -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "recurrent_ppo"])
def test_every_learner_refuses_to_learn_from_nothing(name: str) -> None:
    for wrong in ({"steps": 0}, {"steps": -1}, {"steps": 2.5}, {"seed": -1}, {"seed": "a"}):
        with pytest.raises(ValueError, match=r"(steps|seed) must be a whole number"):
            learn(name, **wrong)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("exact_pg", {"lr": math.nan}), ("q", {"lr": 0}), ("halt_bce", {"lr": -1}), ("q", {"edge": "off"}),
     ("q", {"explore_probability": 2}), ("q", {"tie": "coin"}), ("graves", {"eps": 1}),
     ("graves", {"eps": math.nan}), ("ponder", {"beta": -1}), ("ponder", {"lambda_p": math.nan}),
     ("probe", {"threshold": 7}), ("hazard", {"k": 0}), ("hazard", {"k": 1.5}), ("fqi", {"iterations": 0}),
     ("full_q", {"copy_every": 0}), ("reinforce", {"entropy": math.nan}), ("exact_pg", {"batch": 0}),
     ("recurrent_pg", {"entropy": -1})],
)  # fmt: skip
def test_settings_of_learners_have_their_ranges(name: str, setting: dict[str, Any]) -> None:
    env = play_on(BANK, observation="o", slots=2)
    assert "must be" in sentence(lambda _: learner(name, **setting)(env, steps=2, seed=0), None)
