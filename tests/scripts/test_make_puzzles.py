"""scripts/make_puzzles.py: goes on where it was stopped, and overwrites only when told."""

import sys
from pathlib import Path

import pytest
from loading import module_of

from hrm_rl.puzzles import load, read_csv
from hrm_rl.puzzles.sudoku import generate

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_puzzles.py"


@pytest.fixture
def script(monkeypatch, tmp_path):
    """The script as a module, with a small recipe; `script.run(arguments)` is its command line."""
    module = module_of("make_puzzles")
    counts = {"train": 6, "fit": 2, "test": 4}
    monkeypatch.setitem(module.RECIPES, "sudoku9_easy", (generate.easy, counts, 2))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["make_puzzles.py", "--out", str(tmp_path), *arguments])
        module.main()

    module.run = run
    return module


def test_a_stopped_run_goes_on_where_it_was(script, tmp_path, monkeypatch):
    script.run("sudoku9_easy_train")
    whole = (tmp_path / "sudoku9_easy_train.csv").read_text()
    calls = []

    def stopping(count, seed, split, first):
        calls.append(first)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return generate.easy(count, seed, split, first)

    counts = {"train": 6, "fit": 2, "test": 4}
    monkeypatch.setitem(script.RECIPES, "sudoku9_easy", (stopping, counts, 2))
    with pytest.raises(KeyboardInterrupt):
        script.run("sudoku9_easy_train", "--overwrite")
    partial = tmp_path / ".sudoku9_easy_train.seed1.partial"
    partial.write_text(partial.read_text() + "hrm_rl_easy,12..")  # a row torn by a kill
    script.run("sudoku9_easy_train", "--overwrite")
    assert calls == [0, 2, 4, 4]
    assert (tmp_path / "sudoku9_easy_train.csv").read_text() == whole
    assert [file.name for file in tmp_path.iterdir()] == ["sudoku9_easy_train.csv"]


@pytest.mark.parametrize("split", ["train", "fit", "test"])
def test_the_recipe_of_the_six_by_six_sets_is_theirs(script, split):
    maker, counts, _ = script.RECIPES["sudoku6"]
    shipped, last = load("sudoku6", split), range(counts[split] - 8, counts[split])
    made = maker(len(last), script.SEED, split, last.start)
    assert len(shipped) == counts[split]
    assert (made.inputs_PL == shipped.inputs_PL[last]).all()
    assert (made.solutions_PL == shipped.solutions_PL[last]).all()


def test_sets_are_overwritten_only_when_told(script, tmp_path, capsys):
    script.run("sudoku9_easy_fit")
    with pytest.raises(SystemExit):
        script.run("sudoku9_easy_fit")
    assert "sudoku9_easy_fit already in" in capsys.readouterr().err
    script.run("sudoku9_easy_fit", "--overwrite", "--seed", "2")
    made = read_csv(tmp_path / "sudoku9_easy_fit.csv")
    assert (made.inputs_PL == generate.easy(2, seed=2, split="fit").inputs_PL).all()


def test_unknown_sets_are_answered_with_what_there_is(script, capsys):
    with pytest.raises(SystemExit):
        script.run("sudoku8_train")
    assert "unknown sets sudoku8_train; there are sudoku4_train" in capsys.readouterr().err
