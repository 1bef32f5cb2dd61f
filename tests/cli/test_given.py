"""Puzzles that people give to the command, files of them, and outputs that cannot be written."""

import json
from pathlib import Path

import pytest
import torch

from hrm_rl.cli.main import main
from hrm_rl.models.checkpoint import save_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles import Sudoku, load

GAME = Sudoku(4)
PUZZLES = load("sudoku4", "test").take(range(3))
GRIDS = GAME.values(PUZZLES.inputs_PL)
LINES = [GAME.format(grid_L) for grid_L in GRIDS]
PICTURE = GAME.pretty(GRIDS[0])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    model = HRM(HRMConfig(vocab=6, length=16, width=8, heads=1, H_layers=1, L_layers=1))
    path = tmp_path_factory.mktemp("given") / "tiny"
    save_model(path, model)
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one sentence of a refusal."""
    assert main(list(args)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("hrm-rl: ")
    return error


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.txt", PICTURE),
        ("p.sdk", f"#A me\n[Puzzle]\n{PICTURE}\n"),
        ("p.ss", "\ufeff" + PICTURE.replace("\n", "\r\n")),
        ("p.msk", LINES[0].replace(".", "x")),
        ("p.sdm", f"{LINES[0]} # a comment\n"),
        (
            "p.csv",
            f"puzzle,solution\n{LINES[0]},{GAME.format(GAME.values(PUZZLES.solutions_PL)[0])}\n",
        ),
        ("", PICTURE),
        ("", LINES[0].replace(".", "_") + ",4.5"),
    ],
)
def test_one_puzzle_in_any_dress(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    args = ["--checkpoint", checkpoint, "--policy", "fixed-1", "--max-segments", "1"]
    assert main(["solve", LINES[0], *args]) == 0
    wanted = capsys.readouterr().out
    if name:
        (tmp_path / name).write_bytes(text.encode())
    assert main(["solve", str(tmp_path / name) if name else text, *args]) == 0
    assert capsys.readouterr().out == wanted


def test_a_file_of_many_is_counted_and_evaluated(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "many.sdm"
    path.write_text("\n".join(LINES))
    error = said(capsys, "solve", str(path), "--checkpoint", checkpoint)
    command = f"evaluate {checkpoint} --puzzles {path}"
    assert "holds 3 puzzles" in error and command in error
    assert main([*command.split(), "--max-segments", "1"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{checkpoint} on 3 puzzles, at most 1 segment"
    assert out[1] == f"answers that were not in {path} and were solved for: 3"
    assert "the puzzles are sudoku4 (16 cells)" in said(capsys, "evaluate", str(path))
    path.write_text("\n".join([*LINES, "." * 16]))
    assert "line 4: the puzzle has several solutions" in said(capsys, *command.split())


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("nowhere.txt", "no such file: 'nowhere.txt'"),
        ("nowhere/puzzle", "no such file"),
        ("./puzzle.json", "no such file"),
        ("C:\\puzzles\\one.sdk", "no such file"),
        ("z" + "." * 15, "character 1 must be '.' or a digit from 0 to 4, got 'z'"),
        ("12", "16 characters, got 2"),
        ("\n".join(LINES), "the text holds 3"),
    ],
)
@pytest.mark.parametrize("command", ["solve", "watch"])
def test_what_is_no_puzzle(
    checkpoint: str, capsys: pytest.CaptureFixture[str], command: str, puzzle: str, message: str
) -> None:
    assert message in said(capsys, command, puzzle, "--checkpoint", checkpoint)


def test_a_folder_and_bytes_are_no_puzzle(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is a folder" in said(capsys, "solve", str(tmp_path), "--checkpoint", checkpoint)
    (tmp_path / "p.txt").write_bytes(b"\x00\xff\xfe")
    error = said(capsys, "solve", str(tmp_path / "p.txt"), "--checkpoint", checkpoint)
    assert "not UTF-8 text" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gif", "out.mp4"], "--gif writes .gif files, got 'out.mp4'"),
        (["--gif", "out"], "--gif writes .gif files, got 'out'"),
        (["--gif", "nowhere/out.gif"], "--gif cannot write 'nowhere/out.gif' (no such file"),
        (["--gif", "folder.gif"], "--gif must be a file, got the folder 'folder.gif'"),
        (["--seed", "-1"], "--seed must be a whole number >= 0, got -1"),
        (["--max-segments", "0"], "--max-segments must be a whole number >= 1, got 0"),
    ],
)
def test_outputs_and_numbers_are_tried_before_any_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    """Before a checkpoint is looked for, which is not there either."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gif").mkdir()
    assert message in said(capsys, "watch", *options, "--checkpoint", "no-such-model")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.gif"]


def test_challenges_of_a_competition_become_a_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [{"input": [[1, n]], "output": [[n]]} for n in range(2)]
    tasks = {
        name: {"train": shown, "test": [{"input": [[2, 3]]}, {"input": [[n, 4]]}]}
        for n, name in enumerate(("a", "b"))
    }
    large = {"train": [{"input": [[1] * 9], "output": [[1]]}], "test": [{"input": [[1]]}]}
    challenges = tmp_path / "arc-agi_test_challenges.json"
    challenges.write_text(json.dumps({**tasks, "large": large}))
    name = f"arc:{challenges}:side=3:variants=1"
    config = HRMConfig(
        12, 9, width=8, heads=1, H_layers=1, L_layers=1, task="arc3x1", puzzle_ids=1 + 2 * 2
    )
    save_model(tmp_path / "model", HRM(config), {"data": [[name, 1.0]]})
    args = ["arc", str(tmp_path / "model"), "--max-segments", "1"]
    assert main(args) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tasks left out: 1, with grids of more than 3 rows or columns: large"
    assert lines[1].startswith("4 pairs of 2 tasks in ")
    assert lines[2:] == ["no answer is known, so there is no score", "submission.json"]
    submitted = json.loads((tmp_path / "submission.json").read_text())
    assert {task: len(answers) for task, answers in submitted.items()} == {"a": 2, "b": 2}

    (tmp_path / "arc-agi_test_solutions.json").write_text(json.dumps({"a": [[[1]], [[2]]]}))
    from hrm_rl.puzzles.arc.sets import collection

    collection.cache_clear()
    assert main(args) == 0
    out = capsys.readouterr().out
    assert "the answers of 2 pairs are known, and these are scored" in out and "count" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ways", "cuont"], "got 'cuont'; did you mean \"count\"?"),
        (["--submission", "out.csv"], "--submission writes .json files"),
        (["--submission", "nowhere/out.json"], "--submission cannot write"),
        (["--batch-size", "0"], "--batch-size must be a whole number >= 1"),
        (["--limit", "-1"], "--limit must be a whole number >= 0"),
        (["--variants", "-2"], "--variants must be a whole number >= -1"),
        (["--max-segments", "0"], "--max-segments must be a whole number >= 1"),
    ],
)
def test_arc_tries_its_options_first(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert message in said(capsys, "arc", "no-such-model", *options)


@pytest.mark.parametrize("puzzle", ["", "  "])
def test_nothing_is_no_puzzle(capsys: pytest.CaptureFixture[str], puzzle: str) -> None:
    """Often a shell variable that is not set; a puzzle of ours would be solved in its place."""
    assert 'a puzzle is wanted, got ""' in said(capsys, "solve", puzzle)


def test_a_sudoku_of_another_size_names_weights_for_it(
    checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = said(capsys, "solve", "." * 81, "--checkpoint", checkpoint)
    assert "solves 4x4 Sudoku, and this one is 9x9; name weights" in error
    assert "--checkpoint sudoku9" in error
    assert "a 4x4 Sudoku has 16 characters" in said(
        capsys, "solve", "12", "--checkpoint", checkpoint
    )
