"""Noise and cycles from the command line: what evaluates and logs a checkpoint can think otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hrm_rl.banks.files import read_bank
from hrm_rl.cli import main as cli
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRMConfig


def test_without_deviation_a_bank_is_as_without_noise(tmp_path: Path) -> None:
    args = ["bank", "sudoku4", "--limit", "16", "--max-segments", "3", "--out"]
    banks = {}
    for noise in ("", "0", "0.7"):
        given = ["--noise", noise] if noise else []
        assert cli.main([*args, str(tmp_path / f"a{noise}"), *given]) == 0
        banks[noise] = read_bank(tmp_path / f"a{noise}").columns["scalars"]
    assert torch.equal(banks[""], banks["0"])
    assert not torch.equal(banks[""], banks["0.7"])


def test_evaluate_stirs(capsys: pytest.CaptureFixture[str]) -> None:
    """Noise a hundred times as large as a state leaves nothing of what was thought before."""
    right = {}
    for noise in ("0", "100"):
        args = ["evaluate", "sudoku4", "--limit", "60", "--max-segments", "4", "--noise", noise]
        assert cli.main(args) == 0
        *_, last = capsys.readouterr().out.splitlines()
        right[noise] = float(last.split()[1][:-1])
    assert right["0"] > 90 and right["100"] < right["0"] - 20


def test_twice_the_cycles_of_a_segment_are_as_two_segments(tmp_path: Path) -> None:
    """What carries over between two segments is what carries over between two cycles."""
    args = ["bank", "sudoku4", "--limit", "16", "--out"]
    own, twice = str(tmp_path / "own"), str(tmp_path / "twice")
    config = load_model("sudoku4")[0].config
    assert isinstance(config, HRMConfig)
    cycles = config.H_cycles
    assert cli.main([*args, own, "--max-segments", "5"]) == 0
    assert cli.main([*args, twice, "--max-segments", "2", "--H-cycles", str(2 * cycles)]) == 0
    scalars, of_twice = (read_bank(path).columns["scalars"] for path in (own, twice))
    torch.testing.assert_close(scalars[1::2, :, 0], of_twice[..., 0])
    assert not torch.allclose(scalars[:3, :, 0], of_twice[..., 0])


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["sudoku4", "--noise", "-1"], "--noise must be a finite number in 0..1000.0, got -1"),
        (["sudoku4", "--noise", "nan"], "--noise must be"),
        (["sudoku4", "--H-cycles", "0"], "--H-cycles must be"),
        (["parity-steps", "--H-cycles", "2"], "a config of stepper has no H_cycles; leave it out"),
        (["parity-steps", "--noise", "0.1"], "a config of stepper has no noise; leave it out"),
    ],
)
def test_no_noise_is_told_in_a_sentence(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", *args, "--limit", "2"]) == 2
    assert told in capsys.readouterr().err


def test_a_setting_that_is_none_names_the_one_that_is_meant() -> None:
    with pytest.raises(ValueError, match="noise"):
        load_model("sudoku4", noisee=0.1)
