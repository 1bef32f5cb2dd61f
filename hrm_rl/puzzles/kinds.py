"""Every kind of puzzle by name."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.puzzles.arc.demos.rules import Demos
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.maze.rules import Maze
from hrm_rl.puzzles.sudoku.rules import Sudoku, for_length
from hrm_rl.puzzles.task import PuzzleError, Task
from hrm_rl.puzzles.toys.life.rules import Life
from hrm_rl.puzzles.toys.parity.rules import Parity
from hrm_rl.puzzles.toys.queens.rules import Queens

KINDS: Final[dict[str, Callable[..., Task]]] = {
    "sudoku": Sudoku,
    "maze": Maze,
    "parity": Parity,
    "life": Life,
    "queens": Queens,
    "arc": Arc,
    "demos": Demos,
}
"""Kind -> what makes its rules from the number in a task's name; a module of your own may add to it."""

GENERATED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "maze": "hrm_rl.puzzles.maze.generate",
        "parity": "hrm_rl.puzzles.toys.parity.generate",
        "life": "hrm_rl.puzzles.toys.life.generate",
        "queens": "hrm_rl.puzzles.toys.queens.generate",
        "arc": "hrm_rl.puzzles.arc.generate",
    }
)
"""Kind -> module whose `generate(task, count, seed=, split=, knob=)` makes puzzles to order."""


class Reader(Protocol):
    """What the config of a model says about the puzzles that it reads."""

    @property
    def task(self) -> str: ...
    @property
    def length(self) -> int: ...


def task_of(name: str) -> Task:
    """The rules of a task by its name, "sudoku9".

    Raises:
        PuzzleError: there is no such task.
    """
    if not isinstance(name, str):
        raise PuzzleError(f'a task is named by a text, as "sudoku9", got {name!r}')
    match = re.fullmatch(r"([a-z]+)([0-9]{1,9}(?:x[0-9]{1,9})?)", name)
    if match is None or match[1] not in KINDS:
        hint = did_you_mean(name.rstrip("0123456789x"), set(KINDS) - {name})
        raise PuzzleError(
            f"a task is named by its kind ({', '.join(KINDS)}) and its size, "
            f'as in "sudoku9", got "{name[:80]}"' + (hint and f"; {hint}")
        )
    if "x" in match[2] and match[1] not in ("arc", "demos"):
        raise PuzzleError(
            f'only ARC has a second number, as in "arc12x7" or "demos12x3", got "{name}"'
        )
    return KINDS[match[1]](*map(int, match[2].split("x")))


def task_for(config: Reader) -> Task:
    """The rules of the puzzles that a model reads; if it does not say, Sudoku of its length."""
    return task_of(config.task) if config.task else for_length(config.length)


def check_task(task: str, wanted: str, whose: str) -> None:
    """Refuse puzzles of another task, or of another kind where `wanted` is a kind alone.

    Raises:
        PuzzleError: they are, or there is no such task or kind.
    """
    of_kind = wanted in KINDS
    if wanted != (task_of(task).kind if of_kind else task_of(task).task):
        right = task_of(wanted).task if not of_kind else f"of kind {wanted}"
        raise PuzzleError(
            f"this environment's puzzles are {right}, {whose} is for {task}; take what matches, or "
            "the environment's id of that task"
        )
