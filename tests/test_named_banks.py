"""Where a bank is wanted: a name or folder is taken, or told how a bank is made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from borders import sentence
from scripted import tiny_hrm

from hrm_rl.agents.ablation import scoring
from hrm_rl.agents.comparison import compare, curves, details, pairs, scaling
from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners import learner
from hrm_rl.agents.rules import calibrated, rule, sweep
from hrm_rl.agents.rules.basic import first_correct
from hrm_rl.banks import bank, files
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.evaluate import evaluate
from hrm_rl.puzzles import load
from hrm_rl.stopping import exact, snell

HALTED = compare.always_at(bank_a(6, 3), 2)

OBJECTS: dict[str, Callable[[Any], Any]] = {
    "play": lambda b: bank.play(b, rule("fixed-2")),
    "observe": lambda b: bank.observe(b, "q", 1),
    "compare": lambda b: compare.compare(b, {"q": [rule("q")]}),
    "yardsticks": lambda b: compare.yardsticks(b, [0.0]),
    "always_at": lambda b: compare.always_at(b, 1),
    "logged_q_halt": lambda b: details.logged_q_halt(b),
    "sweep": lambda b: sweep("q", b, 3),
    "swept": lambda b: curves.swept("q", b, 3),
    "scaling": lambda b: scaling.inference_scaling(b, {"q": rule("q")}),
    "ablation": lambda b: scoring.score(b, "q", 2),
    "first_correct": first_correct,
    "best_fixed": lambda b: exact.best_fixed(b, 0.0),
    "prophet": lambda b: exact.prophet(b, 0.0),
    "halt_table": lambda b: exact.halt_table(b, rule("q")),
    "fit_snell": lambda b: snell.fit_snell(b, "q", 0.0),
    "pair": lambda b: pairs.check_pair(b, b),
    "lost_correct": lambda b: calibrated.lost_correct(b, HALTED),
    "performance_gap": lambda b: calibrated.performance_gap(b, HALTED),
    "inconsistent": lambda b: calibrated.inconsistent(b, HALTED),
    "lost_chance": lambda b: calibrated.lost_chance(b, HALTED),
}
"""What takes the object alone."""
NAMES: dict[str, Callable[[Any], Any]] = {
    "score": lambda b: score("q", b),
    "read_bank": files.read_bank,
    "read_header": files.read_header,
    "find_bank": files.find_bank,
    "env": lambda b: HaltingEnv(bank=b),
}
"""What takes a name too."""
SHIPPED = files.find_bank("sudoku9-test")


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("value", ["sudoku9-test", SHIPPED, "", 3, None, {}])
def test_what_takes_banks_alone_says_what_makes_one(name: str, value: Any) -> None:
    said = sentence(OBJECTS[name], value)
    assert said.startswith("a bank is wanted, got ")
    if isinstance(value, (str, Path)):
        assert f"read_bank({str(value)!r})" in said.replace('"', "'") or len(str(value)) > 70


@pytest.mark.parametrize("name", NAMES)
def test_a_name_and_a_folder_are_taken_where_they_may_be(name: str) -> None:
    assert not sentence(NAMES[name], SHIPPED)
    assert name == "read_header" or not sentence(NAMES[name], "sudoku9-test")
    for wrong in ("nope", Path("nope"), 3, {}, []):
        assert sentence(NAMES[name], wrong)


@pytest.mark.parametrize("name", ["act_q", "lsmc", "ponder"])
@pytest.mark.parametrize("value", ["sudoku9-test", SHIPPED, bank_a(6, 3)])
def test_a_learner_that_is_given_a_bank_says_who_makes_its_environment(
    name: str, value: Any
) -> None:
    assert "play_on makes one" in sentence(lambda b: learner(name)(b, steps=2, seed=0), value)


PUZZLES = load("sudoku4", "test").take(range(2))
RUNS: dict[str, Callable[[Any, Any], Any]] = {
    "evaluate": lambda model, puzzles: evaluate(model, puzzles, rule("q"), 2),
    "log_bank": lambda model, puzzles: bank.log_bank(model, puzzles, 2),
    "log_to": lambda model, puzzles: files.log_to("nowhere", model, puzzles, 2),
}


@pytest.mark.parametrize("name", RUNS)
def test_who_runs_a_model_says_what_is_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for wrong in ("sudoku4", None, type(tiny_hrm())):
        assert "a model is wanted" in sentence(lambda m: RUNS[name](m, PUZZLES), wrong)
    for wrong in ("sudoku4", None, 3, np.zeros((2, 16))):
        assert "a set of puzzles is wanted" in sentence(lambda p: RUNS[name](tiny_hrm(), p), wrong)
    none = sentence(lambda p: RUNS[name](tiny_hrm(), p), PUZZLES.take([]))
    assert name == "evaluate" or "a set of none" in none
    others = load("maze8", "test").take([0])
    assert "take a checkpoint and puzzles that match" in sentence(
        lambda p: RUNS[name](tiny_hrm(), p), others
    )
    assert not list(tmp_path.iterdir())
