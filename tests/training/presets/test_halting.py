"""PPO in the place of Q-learning: a real run of `sudoku6-ppo`, from its first step to its last."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import log_bank
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles.source import source
from hrm_rl.stopping.exact import outcome
from hrm_rl.training.presets import sudoku6_ppo
from hrm_rl.training.run import run


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_ppo_learns_to_halt_beside_the_loss(tmp_path: Path, unchecked_shapes: None) -> None:
    """Ten seeds were right on 84 ± 3 % at 5.5 ± 0.5 of 8 segments (docs/findings.md)."""
    torch.compiler.reset()
    lines = list(run(sudoku6_ppo(), tmp_path / "ppo"))
    assert lines[-1]["step"] == 2400
    model, _ = load_model(tmp_path / "ppo")
    bank = log_bank(model, source("sudoku6", "test").sample(300), 8)
    found = outcome(bank, rule("trm"), 0.0)
    assert found.accuracy > 0.7 and found.segments < 7.5
    run_to_the_end = float(bank.correct_MP[7].double().mean())
    assert found.accuracy > run_to_the_end - 0.03
