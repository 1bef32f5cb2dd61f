"""`hrm-rl page` and `compare --html`: a file, or a sentence before any work."""

from pathlib import Path

import pytest

from hrm_rl.cli import main as cli


def test_a_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.html"
    args = ["page", "sudoku4", "--out", str(out), "--learner", "exact_pg", "--steps", "64"]
    assert cli.main([*args, "--limit", "8", "--max-segments", "3"]) == 0
    assert f"{out}: 0." in capsys.readouterr().out
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.slow
def test_the_page_of_the_shipped_model_is_small(tmp_path: Path) -> None:
    out = tmp_path / "halting.html"
    assert cli.main(["page", "--out", str(out), "--learner", "exact_pg", "--steps", "64"]) == 0
    assert 500_000 < out.stat().st_size < 3_000_000


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--out", "page.htm"], "--out writes .html files, got 'page.htm'"),
        (["--out", "nowhere/page.html"], "--out cannot write 'nowhere/page.html'"),
        (["--out", ""], '--out must name where to write, got ""'),
        (["--learner", "pp0"], 'did you mean "ppo"?'),
        (["--steps", "0"], "steps must be a whole number in 1.."),
        (["--step-cost", "-1"], "step_cost must be a finite number >= 0"),
        (["--max-segments", "1"], "--max-segments must be a whole number in 2..1000"),
        (["--limit", "-1"], "--limit must be a whole number >= 0"),
        (["maze8"], "this model reads maze8"),
        (["life-steps"], "a page runs an HRM or a TRM, got the architecture Stepper"),
        (["--fit-bank", "sudoku9-fit"], "give --fit-bank and --test-bank"),
        (["sudoku4", "--fit-bank", "sudoku9-fit", "--test-bank", "sudoku9-test"], "other weights"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    args: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["page", *args]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_where_a_comparison_goes_is_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    banks = ["--fit-bank", "sudoku9-fit", "--test-bank", "sudoku9-test"]
    assert cli.main(["compare", *banks, "--html", "a.txt"]) == 2
    assert "--html writes .html files, got 'a.txt'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_is_written_as_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "compare.html"
    args = ["compare", "--fit-bank", "sudoku9-fit", "--test-bank", "sudoku9-test", "--no-plots"]
    args += ["--limit", "40", "--policies", "q", "--learners", "--max-segments", "4"]
    assert cli.main([*args, "--out", str(tmp_path / "out"), "--html", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"{out}\n")
    assert "40 test puzzles, policies fitted on 40 others" in out.read_text(encoding="utf-8")
