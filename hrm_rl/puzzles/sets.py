"""Sets of puzzles with their solutions, in memory.

Suffixes: P puzzles, L tokens of a puzzle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hrm_rl.checks.numbers import whole
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.task import PuzzleError


@dataclass(frozen=True)
class PuzzleSet:
    """Puzzles of one task, as tokens (0 = PAD)."""

    task: str
    """Its name (`kinds.task_of`): "sudoku9"."""
    inputs_PL: np.ndarray
    """uint8 tokens shown to the model."""
    solutions_PL: np.ndarray
    """uint8 tokens asked of it."""
    ratings_P: np.ndarray
    """int32, how hard it is by the measure of its kind; Sudoku: guesses to the first solution."""
    sources: tuple[str, ...]
    """Where each puzzle comes from."""
    ids_P: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 puzzle identifiers, which choose an embedding; left out, all are 0."""
    shown: Mapping[int, np.ndarray] = field(default_factory=dict)
    """What shows the rule of a puzzle, by identifier, for people to see (ARC): (K, 2, L) tokens."""

    def __post_init__(self) -> None:
        if isinstance(self.sources, str) or not all(isinstance(s, str) for s in self.sources):
            raise PuzzleError("sources must be names, one a puzzle, got something else among them")
        object.__setattr__(self, "sources", tuple(self.sources))
        rules, count = task_of(self.task), len(self.sources)
        if not len(self.ids_P):
            object.__setattr__(self, "ids_P", np.zeros(count, np.int64))
        for name, shape, dtype, most in (
            ("inputs_PL", (count, rules.length), np.uint8, rules.vocab - 1),
            ("solutions_PL", (count, rules.length), np.uint8, rules.vocab - 1),
            ("ratings_P", (count,), np.int32, np.iinfo(np.int32).max),
            ("ids_P", (count,), np.int64, np.iinfo(np.int64).max),
        ):
            array = np.asanyarray(getattr(self, name))  # a file that is mapped stays one
            if array.shape != shape:
                raise PuzzleError(
                    f"{name} of {self.task} must have shape {shape}, got {array.shape}"
                )
            check_whole(f"{name} of {self.task}", array, most)
            object.__setattr__(self, name, array.astype(dtype, copy=False))

    @property
    def vocab(self) -> int:
        return task_of(self.task).vocab

    @property
    def length(self) -> int:
        return self.inputs_PL.shape[1]

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, indices: Sequence[int] | np.ndarray) -> "PuzzleSet":
        """The puzzles at `indices` (or where a boolean mask is set), in that order.

        Raises:
            PuzzleError: there is no puzzle at an index, or it is none.
        """
        indices = _indices(indices, len(self))
        return PuzzleSet(
            self.task,
            self.inputs_PL[indices],
            self.solutions_PL[indices],
            self.ratings_P[indices],
            tuple(self.sources[i] for i in indices),
            self.ids_P[indices],
            self.shown,
        )

    def sample(self, count: int) -> "PuzzleSet":
        """`count` puzzles spread evenly over the set, which keeps the shares of joined sets."""
        whole("count", count, low=0)
        if count and not len(self):
            raise PuzzleError(f"there are no puzzles to take {count} of; give a set that has some")
        return self.take(np.linspace(0, len(self) - 1, count).round().astype(np.int64))


def concat(sets: Sequence[PuzzleSet]) -> PuzzleSet:
    """One set of all puzzles of `sets`, in order."""
    tasks = sorted({puzzles.task for puzzles in sets})
    if len(tasks) != 1:
        raise PuzzleError(
            f"only sets of one task can be joined, got {', '.join(tasks) or 'no sets'}"
        )
    return PuzzleSet(
        tasks[0],
        np.concatenate([puzzles.inputs_PL for puzzles in sets]),
        np.concatenate([puzzles.solutions_PL for puzzles in sets]),
        np.concatenate([puzzles.ratings_P for puzzles in sets]),
        sum((puzzles.sources for puzzles in sets), ()),
        np.concatenate([puzzles.ids_P for puzzles in sets]),
        {id_: pairs for puzzles in sets for id_, pairs in puzzles.shown.items()},
    )


ROWS = 1 << 16
"""Rows looked at in one go, so that a file of gigabytes is never in memory as a whole."""


def check_whole(what: str, array: np.ndarray, most: int) -> None:
    """Refuse an array of other than whole numbers in 0..most; the first one that is not is named.

    Raises:
        PuzzleError: its dtype is not an integer's (numbers would be cut), or one is out of range.
    """
    if not np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.timedelta64):
        raise PuzzleError(
            f"{what} must be whole numbers, got dtype {array.dtype}; convert them where they are made"
        )
    for start in range(0, len(array), ROWS):
        part = array[start : start + ROWS]
        if int(part.min(initial=0)) < 0 or int(part.max(initial=0)) > most:
            row, *cell = np.argwhere((part < 0) | (part > most))[0].tolist()
            where = f"row {start + row}" + (f", cell {cell[0]}" if cell else "")
            raise PuzzleError(
                f"{what} must be 0 to {most}, got {part[(row, *cell)]} in {where} (counted from 0)"
            )


def _indices(indices: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """Indices of puzzles as int64 (negative ones count from the end), of a mask too."""
    chosen = np.asarray(indices)
    if chosen.dtype == bool and chosen.shape == (count,):
        return np.flatnonzero(chosen)
    if not chosen.size and chosen.ndim == 1:
        return chosen.astype(np.int64)
    if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
        raise PuzzleError(
            f"puzzles are taken by whole numbers, or by a mask of {count}, got shape {chosen.shape} "
            f"of {chosen.dtype}"
        )
    bad = chosen[(chosen < -count) | (chosen >= count)]
    if len(bad):
        raise PuzzleError(f"there are {count} puzzles, numbered from 0, got index {bad[0]}")
    return chosen.astype(np.int64)
