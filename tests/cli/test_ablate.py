"""`hrm-rl ablate`: what it prints and writes, and that a user's mistake is one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny import MLP, tiny_run

from hrm_rl.cli import main as cli
from hrm_rl.training import presets


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset of a few steps."""
    base = tiny_run(model=MLP, steps=16, max_segments=8)
    monkeypatch.setitem(presets.PRESETS, "tiny", lambda: base)


def ablate(out: Path, *args: str) -> int:
    return cli.main(["ablate", "--preset", "tiny", "--limit", "4", "--out", str(out), *args])


@pytest.mark.slow
def test_tables_rows_and_plots_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ["--learners", "fixed-1", "ppo", "--seeds", "1", "--step-cost", "0.5"]
    assert ablate(tmp_path, *args) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "tables.md").read_text()
    assert "| ppo | 1 | 16 | 16 |" in printed and "## Failure modes" in printed
    assert '"step_cost": 0.5' in (tmp_path / "ppo" / "0" / "config.json").read_text()
    files = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert files == {"tables.md", "rows.csv", "rows.jsonl", "learning.png", "end.png"}
    for module in ("matplotlib.figure", "matplotlib"):
        monkeypatch.setitem(sys.modules, module, None)
    assert ablate(tmp_path, *args) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("install hrm-rl[plots]")


@pytest.mark.slow
def test_figure_5_is_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ablate(tmp_path, "--figure5", "--seeds", "1") == 0
    assert "| ACT, M_max 2 | 1 |" in capsys.readouterr().out
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert folders == {"act_q", "act_q@2", "act_q@4", "fixed-2@2", "fixed-4@4", "fixed-8"}
    assert (tmp_path / "figure5.png").stat().st_size > 5000
    assert "limit 16" in (tmp_path / "figure5.md").read_text()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--preset", "sudoku5"], "preset must be one of sudoku4, sudoku6, "),
        (["--learners", "sarsa"], "halting must be one of act_q, "),
        (["--learners", "random-matched", "ppo"], 'copies the lengths of "act_q": name that too'),
        (["--learners", "act_q", "act_q"], 'learners names "act_q" twice'),
        (
            ["--learners", "ppo", "--step-cost", "-1"],
            "step_cost must be a finite number >= 0, got -1",
        ),
        (["--steps", "20"], "steps must be a multiple of 16, got 20"),
        (["--seeds", "0"], "seeds must be a whole number in 1..10000, got 0"),
        (["--puzzles", "sudoku9_easy"], "the puzzles are sudoku9"),
        (["--puzzles", "mine.csv"], "cannot be read as a CSV file: no such file"),
        (["--ray"], "Ray is not installed"),
    ],
)
def test_mistakes_get_one_sentence(
    args: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert ablate(tmp_path, *args) == 2
    (err,) = capsys.readouterr().err.splitlines()
    assert says in err
    assert not list(tmp_path.iterdir())
