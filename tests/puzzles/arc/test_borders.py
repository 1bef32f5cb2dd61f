"""ARC files as they come: challenges without answers, answers apart, large grids, and damage."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_rl.puzzles.arc.evaluate import asked
from hrm_rl.puzzles.arc.sets import collection
from hrm_rl.puzzles.arc.tasks import read_part
from hrm_rl.puzzles.arc.vote import Result, Verdict
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.task import PuzzleError


def task(colour: int, tests: int = 1, side: int = 2, answers: bool = True) -> dict[str, Any]:
    train = [{"input": [[colour] * side], "output": [[n]]} for n in (1, 2)]
    test = [{"input": [[colour, n]], "output": [[n]]} for n in range(tests)]
    if not answers:
        test = [{"input": pair["input"]} for pair in test]
    return {"train": train, "test": test}


def put(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def kaggle(folder: Path) -> Path:
    """What a competition hands out: the asked tasks come twice, once without answers."""
    open_, hidden = (
        {"e1": task(3, 2, answers=a), "e2": task(4, answers=a)} for a in (False, False)
    )
    put(folder / "arc-agi_training_challenges.json", {"t1": task(1, answers=False)})
    put(folder / "arc-agi_training_solutions.json", {"t1": [[[0]]]})
    put(folder / "arc-agi_evaluation_challenges.json", open_)
    put(folder / "arc-agi_evaluation_solutions.json", {"e2": [[[0]]], "e1": [[[0]], [[1]]]})
    put(folder / "arc-agi_test_challenges.json", hidden | {"h": task(5, answers=False)})
    put(folder / "sample_submission.json", {"h": [{"attempt_1": [[0]], "attempt_2": [[0]]}]})
    return folder


def test_a_competitions_folder(tmp_path: Path) -> None:
    part = read_part(str(kaggle(tmp_path / "arc-prize")))
    assert [t.name for t in part.training] == ["t1"], "which is not asked"
    assert [t.name for t in part.evaluation] == ["e1", "e2", "h"]
    assert [[pair.known for pair in t.test] for t in part.evaluation] == [
        [True] * 2,
        [True],
        [False],
    ]
    assert [pair.answer.tolist() for pair in part.evaluation[0].test] == [[[0]], [[1]]], "by name"
    name = f"arc:{tmp_path}/arc-prize:side=3:variants=1"
    assert source(name, "test").sources == ("e1 test 0", "e1 test 1", "e2 test 0")
    assert "h train 0" in source(name, "train").sources
    assert "h test 0" not in source(name, "train").sources


def test_challenges_alone_are_asked_and_not_scored(tmp_path: Path) -> None:
    file = put(tmp_path / "arc-agi_test_challenges.json", {"h": task(5, 2, answers=False)})
    name = f"arc:{file}:side=3:variants=1"
    questions = list(asked(collection(name)))
    assert [(q.task, q.number, q.pair.known) for q in questions] == [
        ("h", 0, False),
        ("h", 1, False),
    ]
    assert not questions[0].puzzles.solutions_PL.any(), "PAD, which is not scored"
    with pytest.raises(PuzzleError, match=r"with known answers; `hrm-rl arc` asks those without"):
        source(name, "test")
    grid = np.zeros((1, 1), np.uint8)
    known, unknown = (
        Verdict("a", 0, grid, [grid]),
        Verdict("b", 0, questions[0].pair.answer, [grid]),
    )
    both = Result((known, unknown))
    assert (both.inputs(1), both.tasks(1), both.credit(1)) == (1, 1, 1)
    assert set(both.submission()) == {"a", "b"}
    assert np.isnan(Result((unknown,)).inputs(1))


def test_a_single_training_file_is_not_asked(tmp_path: Path) -> None:
    file = put(tmp_path / "arc-agi_training_challenges.json", {"t": task(1)})
    part = read_part(str(file))
    assert [t.name for t in part.training] == ["t"] and not part.evaluation


def test_grids_too_large_leave_out_their_task(tmp_path: Path) -> None:
    put(tmp_path / "some.json", {"a": task(1), "wide": task(2, side=31), "b": task(3, side=5)})
    assert collection(f"arc:{tmp_path}").left_out == ("wide",)
    found = collection(f"arc:{tmp_path}:side=4")
    assert [t.name for t in found.tasks] == ["a"] and found.left_out == ("b", "wide")
    put(tmp_path / "other" / "some.json", {"wide": task(2, side=40)})
    with pytest.raises(PuzzleError, match="grids of at most 30 rows and columns, 1 are left out"):
        collection(f"arc:{tmp_path}/other")


@pytest.mark.parametrize("name", ["a+b", "1+1=2", "c:d", "arc1+x", "+", "x:side=3"])
def test_folders_with_any_name(tmp_path: Path, name: str) -> None:
    put(tmp_path / name / "t.json", task(1))
    put(tmp_path / "plain" / "u.json", task(2))
    folder = f"arc:{tmp_path}/{name}"
    assert [t.name for t in collection(f"{folder}:side=4").tasks] == ["t"]
    both = collection(f"{folder}+{tmp_path}/plain:side=4:variants=2")
    assert [t.name for t in both.tasks] == ["t", "u"] and both.board.task == "arc4x2"


GRIDS = {
    "a fraction": ([[1.5]], "colours are 0 to 9, whole numbers, got 1.5"),
    "a whole float": ([[1.0]], "got 1.0"),
    "true": ([[True]], "got True"),
    "true among numbers": ([[1, True]], "got True"),
    "ten": ([[10]], "got 10"),
    "minus one": ([[-1]], "got -1"),
    "text": ([["1"]], "got '1'"),
    "null": ([[None]], "got None"),
    "huge": ([[10**30]], "colours are 0 to 9"),
    "ragged": ([[1], [1, 2]], "rows of a grid are equally long, got 1 and 2"),
    "empty": ([], "at least 1 rows and columns"),
    "empty rows": ([[], []], "at least 1 rows and columns"),
    "flat": ([1], "a list of lists"),
    "deep": ([[[1]]], r"colours are 0 to 9, whole numbers, got \[1\]"),
    "no list": (7, "a list of lists, got 7"),
    "an object": ({"0": [1]}, "a list of lists"),
}


@pytest.mark.parametrize("which", GRIDS)
@pytest.mark.parametrize(
    ("part", "side"), [("train", "input"), ("train", "output"), ("test", "output")]
)
def test_what_is_no_grid_is_named_by_file_and_task(
    tmp_path: Path, which: str, part: str, side: str
) -> None:
    grid, message = GRIDS[which]
    values = task(1)
    values[part][0][side] = grid
    file = put(tmp_path / "odd.json", {"good": task(2), "bad": values})
    with pytest.raises(PuzzleError, match=message) as error:
        read_part(str(tmp_path))
    assert str(file) in str(error.value) and "'bad'" in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "must hold a task or tasks by name, got a list"),
        ({}, "got nothing"),
        ({"t": 3}, "'t' is not in ARC's format"),
        ({"t": {"train": [], "test": 5}}, "train and test are lists"),
        ({"t": {"train": [3], "test": []}}, "train and test are lists"),
        ({"t": {"train": [{"input": [[1]]}], "test": []}}, "KeyError.*output"),
        ({"t": {"train": []}}, "KeyError.*test"),
    ],
)
def test_what_is_no_task_is_named(tmp_path: Path, value: Any, message: str) -> None:
    file = put(tmp_path / "odd.json", value)
    with pytest.raises(PuzzleError, match=message) as error:
        read_part(str(file))
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("answers", "message"),
    [([1], "answers by task, got a list"), ({"t": [[[1]], [[2]]]}, "an answer for each"),
     ({"t": 4}, "an answer for each"), ({"t": [[[99]]]}, "colours are 0 to 9")],
)  # fmt: skip
def test_answers_that_do_not_belong(tmp_path: Path, answers: Any, message: str) -> None:
    file = put(tmp_path / "x_challenges.json", {"t": task(1, answers=False)})
    put(tmp_path / "x_solutions.json", answers)
    with pytest.raises(PuzzleError, match=message):
        read_part(str(file))


def test_files_that_are_not_there_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(PuzzleError, match="no such file or folder"):
        read_part(str(tmp_path / "nowhere.json"))
    for text in ("{", "", "[" * 100_000, "\x00", '{"a": ' + "9" * 5000 + "}"):
        (tmp_path / "odd.json").write_text(text)
        with pytest.raises(PuzzleError, match=r"odd\.json cannot be read as JSON") as error:
            read_part(str(tmp_path))
        assert "\n" not in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 12) | st.floats() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["train", "test", "input", "output", "x"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=20)
@given(value=JSON)
def test_any_json_is_tasks_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    for content in (
        value,
        {"t": value},
        {"train": [{"input": value, "output": value}], "test": []},
    ):
        file = put(folder / "any.json", content)
        try:
            assert isinstance(read_part(str(file)).evaluation, tuple)
        except PuzzleError as error:
            assert "\n" not in str(error) and "any.json" in str(error)
