"""What may be wrong with a whole set of puzzles of which each is right.

Generators of others give one puzzle again and again (findings/py-sudoku-one-seed.sh), puzzles with several
solutions, or test sets that are nearly the training set (findings/reasoning-gym-seeds.sh).

Suffixes: P puzzles, L tokens of a puzzle.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from hrm_rl.puzzles import files
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.sudoku import packed
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.sudoku.solver import solve
from hrm_rl.puzzles.task import PuzzleError

MANY = 100_000
"""Puzzles that are held against each other at most, evenly spread."""
LOOKED_AT = 50
"""Puzzles that are searched for a second solution, 1 to 30 ms each."""
GUESSES = 500
"""Guesses that one of them may take."""


def warn_of(name: str, puzzles: PuzzleSet, known: Iterable[str] = ()) -> None:
    """Warn of what is odd about the puzzles of a file; what ships or was made here is in order.

    Args:
        known: names of the sets that the model at hand was trained on.
    """
    if not files.is_file(name) or Path(name).suffix == packed.SUFFIX or not len(puzzles):
        return
    said = []
    some = puzzles.sample(min(MANY, len(puzzles)))
    if 2 * (different := distinct(some)) <= len(some):
        said.append(f"{len(some)} puzzles, {different} of them distinct")
    found, looked = several(puzzles)
    if found:
        said.append(
            f"puzzles with several solutions ({found} of {looked} looked at), of which only the one in the "
            "file counts as right"
        )
    if seen := shared(puzzles, known):
        said.append(f"puzzles that the model was trained on ({seen} of {len(puzzles)})")
    for what in said:
        warnings.warn(f"{name} has {what}", stacklevel=3)


def taught(said: Mapping[str, Any]) -> list[str]:
    """Names of the sets that a model was trained on, by the JSON beside its weights, whatever that holds."""
    pairs = said.get("data")
    listed = pairs if isinstance(pairs, list) else []
    found = [pair[0] for pair in listed if isinstance(pair, list) and pair]
    return [name for name in found if isinstance(name, str)]


def distinct(puzzles: PuzzleSet) -> int:
    """How many different questions there are."""
    return len({row_L.tobytes() for row_L in puzzles.inputs_PL})


def several(puzzles: PuzzleSet, looked: int = LOOKED_AT) -> tuple[int, int]:
    """How many have more than one solution, and of how many that is said: of Sudoku, evenly spread."""
    task = task_of(puzzles.task)
    if not isinstance(task, Sudoku):
        return 0, 0
    chosen = puzzles.sample(min(looked, len(puzzles)))
    counts = [_solutions(digits_L, task.size) for digits_L in task.values(chosen.inputs_PL)]
    return sum(count > 1 for count in counts), len(counts)


def _solutions(digits_L: Shaped[np.ndarray, " L"], size: int) -> int:
    try:
        return len(solve(digits_L, size, limit=2, most=GUESSES)[0])
    except PuzzleError:  # not found out in so many guesses
        return 1


def shared(puzzles: PuzzleSet, names: Iterable[str]) -> int:
    """How many are, cell by cell, in sets of these names: files that are still there, and those that ship."""
    asked = [row_L.tobytes() for row_L in puzzles.inputs_PL]
    wanted, found = set(asked), set[bytes]()
    for name in names:
        if name in files.shipped() or files.is_file(name):
            try:
                known = source(name, task=puzzles.task)
            except PuzzleError:  # it has gone, or holds something else now
                continue
            found |= {row for row_L in known.inputs_PL if (row := row_L.tobytes()) in wanted}
    return sum(row in found for row in asked)
