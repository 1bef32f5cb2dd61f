"""Places that are written to: named, tried before work starts, and left as they were when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm_rl.checks.lock import try_folder
from hrm_rl.checks.numbers import flag
from hrm_rl.cli import main as cli


@pytest.mark.parametrize(
    "command",
    [
        ["train", "sudoku4", "--run", ""],
        ["train", "sudoku4", "--run="],
        ["bank", "sudoku4", "--out", ""],
        ["compare", "a", "b", "--out", ""],
        ["ablate", "--out="],
        ["watch", "--gif", ""],
    ],
)
def test_an_empty_name_is_no_place(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "must name where to write" in line and not list(tmp_path.iterdir())


def test_a_bank_that_cannot_be_logged_leaves_no_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["bank", "no-such-weights"]) == 2
    assert "no-such-weights" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_trying_a_folder_changes_nothing(tmp_path: Path) -> None:
    try_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    (tmp_path / "kept").mkdir()
    try_folder(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="is a file; choose a folder"):
        try_folder(tmp_path / "file")


def test_more_slots_than_a_machine_holds_are_refused_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "sudoku4", "--slots", "1000000000", "--run", str(tmp_path)])
    captured = capsys.readouterr()
    assert "1048576" in captured.err + captured.out


@pytest.mark.parametrize("value", ["no", "False", 0, 1, None, 0.0, [], np.array([True, False])])
def test_only_true_and_false_are_flags(value: Any) -> None:
    with pytest.raises(ValueError, match="verify must be True or False, got") as caught:
        flag("verify", value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_flags_become_pythons_own(value: Any) -> None:
    assert flag("verify", value) is bool(value)
