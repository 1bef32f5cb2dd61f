"""Evaluation on ARC as published: every asked pair in all its variants, and what they are voted to.

What a model answers to the variants is `hrm_rl.banks.arc`.

Suffixes: P variants, T tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from hrm_rl.puzzles.arc.format import Pair
from hrm_rl.puzzles.arc.rules import arc_of
from hrm_rl.puzzles.arc.sets import Collection, puzzle_set
from hrm_rl.puzzles.arc.symmetry import Symmetry, distinct, split_name, symmetries
from hrm_rl.puzzles.arc.vote import Answer, Result, Verdict, ranked
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.task import PuzzleError

T = TypeVar("T")


class Asked(NamedTuple):
    """One asked pair in all its variants."""

    task: str
    number: int
    """Which of the task's asked pairs."""
    pair: Pair
    puzzles: PuzzleSet
    """The variants,"""
    symmetries: Sequence[Symmetry]
    """and what made each of them."""


def asked(found: Collection, variants: int | None = None, limit: int = 0) -> Iterator[Asked]:
    """The pairs that a collection asks for, in as many variants as there are, none twice.

    Args:
        variants: take only so many beside the pair itself.
        limit: take only so many pairs, evenly spread (0: all).

    Raises:
        PuzzleError: the model is not asked in more variants than it has identifiers for.
    """
    most = found.board.variants
    if not 0 <= (variants := most if variants is None else variants) <= most:
        raise PuzzleError(f"variants must be 0 to {most}, got {variants}: so many have identifiers")
    pairs = [(task, i) for task in found.evaluation for i in range(len(task.test))]
    for task, i in _spread(pairs, limit):
        numbers = distinct([grid for pair in task.pairs for grid in pair], variants)
        made_by = [symmetries(variants)[k] for k in numbers]
        pair = task.test[i]
        puzzles = puzzle_set(
            found.board,
            [Pair(*(symmetry.apply(grid) for grid in pair)) for symmetry in made_by],
            [f"{task.name}_{symmetry.name}" for symmetry in made_by],
            [found.identifier(task.name, k) for k in numbers],
        )
        yield Asked(task.name, i, pair, puzzles, made_by)


def asked_in(puzzles: PuzzleSet, limit: int = 0) -> Iterator[Asked]:
    """The same of a data set that the public scripts wrote, which names the variants."""
    board = arc_of(puzzles.task)
    rows: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    of_task: dict[str, list[bytes]] = defaultdict(list)
    for row, (name, tokens_T) in enumerate(zip(puzzles.sources, puzzles.inputs_PL, strict=True)):
        task, symmetry = split_name(name)
        grid = symmetry.undo(board.grid(tokens_T))
        key = bytes(grid.shape) + grid.tobytes()
        if key not in of_task[task]:
            of_task[task].append(key)
        rows[task, key].append(row)
    for (task, key), found in _spread(list(rows.items()), limit):
        made_by = [split_name(puzzles.sources[row])[1] for row in found]
        question, answer = (
            made_by[0].undo(board.grid(tokens_PT[found[0]]))
            for tokens_PT in (puzzles.inputs_PL, puzzles.solutions_PL)
        )
        number = of_task[task].index(key)
        yield Asked(task, number, Pair(question, answer), puzzles.take(found), made_by)


def _spread(items: Sequence[T], limit: int) -> list[T]:
    """So many of them, evenly spread; 0: all."""
    if not 0 < limit < len(items):
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]


class Solved(NamedTuple):
    """An asked pair, and what its variants got."""

    asked: Asked
    answers: Sequence[Answer]
    correct_P: np.ndarray
    """Whether each variant's answer was right, cell by cell, where it halted."""


def voted(solved: Iterable[Solved], way: str = "count") -> Result:
    """The result of an election over what the variants answered."""
    return Result(
        tuple(
            Verdict(
                one.asked.task, one.asked.number, one.asked.pair.answer, ranked(one.answers, way)
            )
            for one in solved
        )
    )
