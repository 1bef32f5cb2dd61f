"""Objects of another kind than what is wanted, at public functions: one sentence of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from borders import sentence
from scripted import tiny_hrm
from tiny import tiny_run

from hrm_rl.agents.comparison import compare, experiment
from hrm_rl.agents.rules import rule
from hrm_rl.banks import files
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.evaluate import solve
from hrm_rl.models.checkpoint import save_model
from hrm_rl.puzzles import load, read
from hrm_rl.puzzles.source import source, splits
from hrm_rl.training.run import run

PUZZLES = load("sudoku4", "test").take(range(2))


def compared(**changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "rules": ("fixed-2",), "learners": (), "seeds": 1, "steps": 1, "step_costs": (0.0,),
        "learn_step_cost": 0.0, "max_segments": 3, "plots": False,
    }  # fmt: skip
    banks = bank_a(30, 4), bank_a(30, 4, seed=1)
    return experiment.run_comparison(*banks, **(arguments | changes))


WANTED: dict[str, tuple[Callable[[Any], Any], list[Any], str]] = {
    "read": (read, [None, 3, ["a"]], "a file of puzzles must be a text or a path"),
    "source": (source, [None, 3, Path("sudoku4")], "a puzzle set is named by a text"),
    "splits": (splits, [None, 3], "a puzzle set is named by a text"),
    "save": (lambda v: save_model(v, tiny_hrm()), [None, 3], "path must be a text or a path"),
    "log": (lambda v: files.log_to(v, tiny_hrm(), PUZZLES, 2), [None, 3], "folder must be a text"),
    "run": (lambda v: list(run(tiny_run(), v)), [None, 3], "folder must be a text or a path"),
    "config": (lambda v: list(run(v, "nowhere")), ["sudoku4", None], "a TrainConfig is wanted"),
    "stop": (
        lambda v: list(run(tiny_run(), "nowhere", stop=v)), [0, -1, 2.5], "stop must be a whole"
    ),
    "out": (lambda v: compared(out=v), [None, 3], "out must be a text or a path"),
    "costs": (
        lambda v: compared(out="nowhere", step_costs=v), [0.1, "0.1", None], "numbers in a list"
    ),
    "costs of compare": (
        lambda v: compare.compare(bank_a(6, 3), {}, step_costs=v), [0.1, "0.1"], "numbers in a list"
    ),
    "task": (lambda v: HaltingEnv(task=v), [None, 3], "task must be a text"),
    "solve": (
        lambda v: list(solve(tiny_hrm(), v, rule("q"), 2)),
        [PUZZLES.inputs_PL[0], None, torch.ones(16), np.ones(16)],
        "a puzzle is a tensor of whole numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WANTED)
def test_what_is_wanted_is_said(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, values, says = WANTED[name]
    for value in values:
        assert says in sentence(call, value), value
    assert not list(tmp_path.iterdir())


def test_a_name_is_no_model_to_save(tmp_path: Path) -> None:
    assert "a model is wanted" in sentence(lambda v: save_model(tmp_path / "w", v), "sudoku4")
    assert not list(tmp_path.iterdir())


def test_a_text_is_taken_as_a_folder(tmp_path: Path) -> None:
    compared(out=str(tmp_path / "out"))
    assert (tmp_path / "out" / "compare.csv").exists()
