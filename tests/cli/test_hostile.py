"""Files that are no files, and strict surroundings: one line and 2, never a wait or a traceback."""

import os
import warnings
from pathlib import Path

import pytest

from hrm_rl.banks.header import find_bank
from hrm_rl.cli.main import main
from hrm_rl.models.checkpoint import CheckpointError
from hrm_rl.puzzles import PuzzleError
from hrm_rl.puzzles.files import read
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.training.presets import PRESETS
from hrm_rl.training.run import refuse_another, steps_done

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.sdm"])
def test_a_pipe_or_a_device_is_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / f"b{name}").symlink_to("/dev/zero")
    for path in (tmp_path / name, tmp_path / f"b{name}"):
        with pytest.raises(PuzzleError, match="no regular file"):
            read(path)


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_an_empty_file_is_said_to_be_empty(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    with pytest.raises(PuzzleError, match=r"a\.txt is empty; give"):
        read(tmp_path / "a.txt")


def test_a_sudoku_of_another_size_is_told_the_sizes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("." * 256 + "\n")
    with pytest.raises(PuzzleError, match="a Sudoku has 16, 36, 81 cells, got 256"):
        read(tmp_path / "a.txt")


def test_lines_may_end_as_any_system_ends_them(tmp_path: Path) -> None:
    rows = [PUZZLE[i : i + 9] for i in range(0, 81, 9)]
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "a.txt").write_bytes(end.join(rows).encode())
        assert len(read(tmp_path / "a.txt")) == 1


def test_a_warning_that_python_is_asked_to_raise_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(*_: object, **__: object) -> None:
        warnings.warn("half of it was guessed", stacklevel=1)

    monkeypatch.setattr("hrm_rl.cli.main._command", warn)
    assert main([]) == 2  # warnings are errors in the tests, as with PYTHONWARNINGS=error
    assert capsys.readouterr().err == "hrm-rl: half of it was guessed\n"


def test_names_are_texts() -> None:
    with pytest.raises(ValueError, match="folder of a bank must be a text or a path, got 9"):
        find_bank(9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a task is named by a text"):
        task_of(9)  # type: ignore[arg-type]


def test_a_run_whose_files_are_pipes_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.safetensors")
    with pytest.raises(CheckpointError, match="no regular file"):
        steps_done(tmp_path)
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ValueError, match="no regular file"):
        refuse_another(PRESETS["sudoku4"](), tmp_path / "config.json")
