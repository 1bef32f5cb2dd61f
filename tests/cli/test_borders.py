"""The commands with wrong numbers, names and folders: one sentence, exit code 2, and before any work."""

from __future__ import annotations

import errno
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_run

from hrm_rl.agents.comparison import experiment
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.cli import evaluate
from hrm_rl.cli import main as cli
from hrm_rl.training import run

BANKS = ["compare", "--fit-bank", "sudoku9-fit", "--test-bank", "sudoku9-test"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["evaluate", "sudoku4", "--batch-size", "0"], "--batch-size must be a whole number >= 1"),
        (["evaluate", "sudoku4", "--copies", "0"], "--copies must be a whole number >= 1"),
        (["evaluate", "sudoku4", "--limit", "-1"], "--limit must be a whole number >= 0"),
        (["evaluate", "sudoku4", "--max-segments", "0"], "max_segments must be a whole number"),
        (["evaluate", "sudoku4", "--policy", "q-nan"], "margin must be a finite number"),
        (["evaluate", "sudoku4", "--policy", "trm-7"], "threshold must be a finite number in 0..1"),
        (["evaluate", "sudoku4", "--policy", "stabel"], 'did you mean "stable"?'),
        (["evaluate", "sudoku4", "--split", "tset"], "split must be one of train, fit, test"),
        (["bank", "sudoku4", "--limit", "-1"], "--limit must be a whole number >= 0"),
        (["bank", "sudoku4", "--max-segments", "0"], "--max-segments must be a whole number"),
        (["bank", "sudoku4", "--batch-size", "0"], "--batch-size must be a whole number"),
        ([*BANKS, "--seeds", "0"], "seeds must be a whole number"),
        ([*BANKS, "--steps", "0"], "steps must be a whole number"),
        ([*BANKS, "--limit", "-1"], "--limit must be a whole number"),
        ([*BANKS, "--step-costs", "-0.1"], "step_costs must be a finite number >= 0"),
        ([*BANKS, "--step-costs", "nan"], "step_costs must be a finite number >= 0"),
        ([*BANKS, "--learn-step-cost", "-1"], "learn_step_cost must be a finite number >= 0"),
        ([*BANKS, "--max-segments", "1"], "max_segments must be a whole number in 2"),
        ([*BANKS, "--policies", "random-2"], "probability must be a finite number in 0..1"),
        ([*BANKS, "--policies", "q", "trm", "q"], 'rules names "q" twice'),
        ([*BANKS, "--learners", "ppo", "ppo"], 'learners names "ppo" twice'),
        ([*BANKS, "--learners", "pp0"], 'did you mean "ppo"?'),
        ([*BANKS[:3], "--test-bank", "sudoku9-fit"], "600 puzzles are in both banks"),
        ([BANKS[0], "maze8", *BANKS[1:]], "checkpoint 'maze8' would not be looked at"),
        ([BANKS[0], "sudoku9", *BANKS[1:]], "checkpoint 'sudoku9' would not be looked at"),
        ([*BANKS, "--puzzles", "maze8"], "puzzles 'maze8' would not be looked at"),
        ([*BANKS, "--task", "maze8"], "task 'maze8' would not be looked at"),
        ([*BANKS, "--test-split", "train"], "test-split 'train' would not be looked at"),
        (["compare", "sudoku4", "--fit-split", "test"], 'both "test"'),
        (["compare", "sudoku4", "--test-split", "tset"], "split must be one of train, fit, test"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    args: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main(args) == 2
    out, err = capsys.readouterr()
    assert says in err and len(err.splitlines()) == 1
    assert "policy" not in out, "nothing was computed"


@pytest.mark.parametrize("args", [BANKS, ["bank", "sudoku4"], ["ablate", "--preset", "sudoku4"]])
def test_where_nothing_can_be_written_nothing_is_computed(
    args: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main([*args, "--out", str(tmp_path / "file")]) == 2
    out, err = capsys.readouterr()
    assert "is a file; choose a folder" in err and not out
    assert cli.main([*args, "--out", str(tmp_path / "file" / "below")]) == 2
    assert "nothing can be written in" in capsys.readouterr().err


def test_the_table_is_printed_even_if_the_folder_is_lost_on_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments: dict[str, Any] = {
        "rules": ("trm",), "learners": (), "seeds": 1, "steps": 0, "step_costs": (0.0,),
        "learn_step_cost": 0.01, "max_segments": 3, "plots": False,
    }  # fmt: skip
    out = tmp_path / "out"
    (out / "compare.csv").mkdir(parents=True)  # where the table would be written
    with pytest.raises(ValueError, match=r"compare\.csv cannot be written"):
        experiment.run_comparison(bank_a(30, 4), bank_a(30, 4, seed=1), **arguments, out=out)
    printed = capsys.readouterr().out
    assert "trm" in printed and "fixed-3" in printed


def test_a_run_where_nothing_can_be_written_begins_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    made: list[object] = []
    monkeypatch.setattr(run.TrainState, "create", lambda *given: made.append(given))
    assert cli.main(["train", "sudoku4", "--run", str(tmp_path / "file")]) == 2
    assert "is a file; choose a folder" in capsys.readouterr().err and not made


def test_a_stopped_run_in_a_folder_that_was_closed_takes_no_step(tmp_path: Path) -> None:
    config = tiny_run(steps=4)
    for _ in run.run(config, tmp_path, stop=2):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "touch", refused)  # a closed folder is open to root
        with pytest.raises(ValueError, match=r"nothing can be written in .*; choose another"):
            next(run.run(config, tmp_path))
    for _ in run.run(config, tmp_path):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "touch", refused)
        assert not list(run.run(config, tmp_path)), "a finished run needs no room"


def refused(path: Path) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


@pytest.mark.parametrize("args", ["solve 1...2...3...4...", "evaluate sudoku4", "bank sudoku4"])
def test_a_current_folder_that_is_gone_is_one_sentence(args: str, tmp_path: Path) -> None:
    """In a process of its own: libraries below us would end it.

    By the command's own door: under `python -c` numpy itself cannot be imported there (Python 3.13).
    """
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["rmdir", str(gone)], [sys.executable, "-m", "hrm_rl", *args.split()]
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(command[0])} && {shlex.join(command[1])}"],
        cwd=gone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("hrm-rl: the current folder is gone") and "`cd`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("puzzles", "said"), [(6_000, True), (60, False)])
def test_it_is_said_how_long_it_takes_and_what_shortens_it(
    puzzles: int, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is computed."""
    evaluate._say_if_long(puzzles, [1, 2, 4, 8])
    out = capsys.readouterr().out
    assert ("5 policies run over all of them, 138,000 segments at most; --limit" in out) is said
    assert bool(out) is said
