"""`hrm-rl arc`, from a checkpoint to a submission."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm_rl.cli.main import main
from hrm_rl.models.checkpoint import save_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles.arc.rules import arc_of


def model(folder: Path, task: str, identifiers: int, data: str) -> str:
    """An untrained model that was "trained" on `data`."""
    config = HRMConfig(
        12, arc_of(task).length, width=8, heads=1, H_layers=1, L_layers=1, expansion=1.0,
        puzzle_ids=identifiers, task=task,
    )  # fmt: skip
    save_model(folder / "model", HRM(config), {"data": [[data, 1.0]]})
    return str(folder / "model")


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    for split, names in {"training": "ab", "evaluation": "cd"}.items():
        (tmp_path / "tasks" / split).mkdir(parents=True)
        for i, name in enumerate(names):
            pairs: list[dict[str, Any]] = [
                {"input": [[i, n]], "output": [[n, len(name)]]} for n in range(4)
            ]
            text = json.dumps({"train": pairs[:2], "test": pairs[2:]})
            (tmp_path / "tasks" / split / f"{name}.json").write_text(text)
    return tmp_path / "tasks"


def test_made_up_tasks_are_asked_unless_others_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = model(tmp_path, "arc5x3", 1 + 8 * 4, "arc5x3:64:0")
    arguments = ["--puzzles", "arc5x3:9:1", "--max-segments", "2", "--variants", "1"]
    assert main(["arc", checkpoint, *arguments, "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "9 pairs of 8 tasks in 18 variants"
    assert lines[1] == "right without a vote: 0.0% of the variants"
    assert lines[3].split() == ["count"] + ["0.0%"] * 6
    assert [line.split()[0] for line in lines[3:]] == ["count", "halted", "weighted", "first"]


def test_what_the_checkpoint_was_trained_on_is_asked_and_submitted(
    tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"arc:{tasks}:side=3:variants=3"
    checkpoint = model(tmp_path, "arc3x3", 1 + 4 * 4, name)
    out = tmp_path / "submission.json"
    arguments = [
        "--policy",
        "q",
        "--max-segments",
        "2",
        "--ways",
        "first",
        "--submission",
        str(out),
    ]
    assert main(["arc", checkpoint, *arguments]) == 0
    assert capsys.readouterr().out.startswith("4 pairs of 2 tasks in ")
    submitted = json.loads(out.read_text())
    assert {task: len(answers) for task, answers in submitted.items()} == {"c": 2, "d": 2}
    for answers in submitted.values():
        for answer in answers:
            assert answer.keys() == {"attempt_1", "attempt_2"}
            assert np.array(answer["attempt_1"]).ndim == 2


@pytest.mark.parametrize(
    ("puzzles", "message"),
    [
        ("arc:{}:a,c:side=3:variants=3", "are others"),
        ("arc:{}:side=4:variants=3", "the checkpoint reads arc3x3"),
        ("arc3x2:9:0", "the checkpoint reads arc3x3"),
        ("arc3x3", "named as in"),
    ],
)
def test_tasks_that_the_checkpoint_does_not_know(
    tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], puzzles: str, message: str
) -> None:
    checkpoint = model(tmp_path, "arc3x3", 1 + 4 * 4, f"arc:{tasks}:side=3:variants=3")
    assert main(["arc", checkpoint, "--puzzles", puzzles.format(tasks)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sudoku4"], "sudoku4 reads sudoku4, and ARC tasks are asked here; take a checkpoint of"),
        (["sudoku9", "--task", "maze9"], "maze9"),
        (["--ways"], "--ways must name at least one of count, halted"),
        (["--ways", "count", "first", "count"], '--ways names "count" twice'),
        (["--ways", "conut"], 'did you mean "count"?'),
        (["--policy", "fixed-0"], "fixed"),
        (["--task", "arc5x3"], "arc5x3"),
    ],
)
def test_what_is_no_question_of_arc_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["arc", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and not out


def test_where_a_submission_cannot_be_written_nothing_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody named it, since no answer is known."""
    challenge = {"train": [{"input": [[1]], "output": [[1]]}], "test": [{"input": [[2]]}]}
    (tmp_path / "tasks" / "evaluation").mkdir(parents=True)
    (tmp_path / "tasks" / "evaluation" / "c.json").write_text(json.dumps(challenge))
    checkpoint = model(tmp_path, "arc3x3", 1 + 4, f"arc:{tmp_path / 'tasks'}:side=3:variants=3")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submission.json").mkdir()
    assert main(["arc", checkpoint]) == 2
    out, err = capsys.readouterr()
    assert "--submission must be a file, got the folder 'submission.json'" in err and not out
