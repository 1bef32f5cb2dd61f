"""A run that starts from a preset's: trained first, gone on with, or taken as it is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import tiny_run

from hrm_rl.cli.main import main
from hrm_rl.models.checkpoint import load_model
from hrm_rl.training.presets import PRESETS
from hrm_rl.training.run import run, steps_done
from hrm_rl.training.stages import stages

FIRST, THEN = Path("runs/tiny-first"), Path("runs/tiny-then")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and two presets, one of which starts from the other."""
    monkeypatch.chdir(tmp_path)
    first = tiny_run(steps=3, device="cpu")
    monkeypatch.setitem(PRESETS, "tiny-first", lambda: first)
    then = replace(first, init=str(FIRST), lr=0.0, puzzle_lr=0.0, ema=0.0)
    monkeypatch.setitem(PRESETS, "tiny-then", lambda: then)


def test_one_command_trains_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "tiny-then"]) == 0
    out = capsys.readouterr().out
    assert out.index("runs/tiny-then: starts from runs/tiny-first, which is trained first") == 0
    assert steps_done(FIRST) == steps_done(THEN) == 3
    ours, theirs = load_model(FIRST)[0].state_dict(), load_model(THEN)[0].state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)  # for its rates are 0

    assert main(["train", "tiny-then"]) == 0
    assert "trained first" not in capsys.readouterr().out


def test_what_was_begun_is_gone_on_with_as_it_was_begun() -> None:
    begun = replace(PRESETS["tiny-first"](), seed=5)
    for _ in run(begun, FIRST, stop=2):
        pass
    assert stages(PRESETS["tiny-then"](), THEN) == [(begun, FIRST), (PRESETS["tiny-then"](), THEN)]
    for _ in run(begun, FIRST):
        pass
    assert stages(PRESETS["tiny-then"](), THEN) == [(PRESETS["tiny-then"](), THEN)]


def test_a_run_that_goes_on_does_not_ask_for_what_it_started_from() -> None:
    assert main(["train", "tiny-then"]) == 0
    shutil.rmtree(FIRST)
    assert main(["train", "tiny-then", "--steps", "5"]) == 0
    assert steps_done(THEN) == 5 and not FIRST.exists()


@pytest.mark.parametrize("init", ["", "elsewhere/tiny-first", "runs/of-mine"])
def test_only_presets_in_runs_are_trained_first(init: str) -> None:
    config = replace(PRESETS["tiny-first"](), init=init)
    assert stages(config, THEN) == [(config, THEN)]
