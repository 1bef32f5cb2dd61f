"""Names and other things where objects are wanted: one sentence, with the cure."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from borders import BANK, MODEL, sentence
from scripted import PUZZLES

from hrm_rl.agents.comparison import compare as comparison
from hrm_rl.agents.comparison import report
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import basic, rule, sweep
from hrm_rl.banks.bank import log_bank, play
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.puzzles import load
from hrm_rl.stopping import exact, snell

# Annotated shapes are checked in tests alone: what is tried here is what users meet.
pytestmark = pytest.mark.usefixtures("unchecked_shapes")

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
    "learn wrapped": lambda: learner("act_q")(
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
