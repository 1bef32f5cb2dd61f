"""An ARC task as JSON holds it: pairs of grids, lists of lists of colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from hrm_rl.puzzles.arc.rules import COLOURS, MAX_SIDE
from hrm_rl.puzzles.task import PuzzleError

UNKNOWN: Final = np.zeros((0, 0), np.uint8)
"""Stands for an answer that nobody told."""


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
