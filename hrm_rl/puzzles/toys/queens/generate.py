"""Queens to be completed: a solver, and puzzles made to order, rated by the solver's guesses.

Each puzzle is determined by (seed, split, its number) alone, and belongs to one split for ever with
all its mirrored and turned copies.

Suffixes: P puzzles, L cells, G symmetries.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final
from zlib import crc32

import numpy as np

from hrm_rl.puzzles.rng import below, shuffle, stream
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import QUEENS, STREAMS, check_knob, check_order
from hrm_rl.puzzles.task import PuzzleError
from hrm_rl.puzzles.toys.queens.rules import Queens

SHARES: Final = {"train": range(0, 5), "test": range(5, 7), "fit": range(7, 8)}
"""Which eighths of all puzzles, by a checksum of what symmetries leave alike, a split has."""
TRIES: Final = 10_000
PATIENCE: Final = 100_000
"""Guesses after which a board that somebody gave is left alone."""


def complete(
    puzzle_L: np.ndarray,
    size: int,
    limit: int = 2,
    rng: np.ndarray | None = None,
    most: float = float("inf"),
) -> tuple[list[np.ndarray], int]:
    """Up to `limit` solutions (values, uint8) of a puzzle, and the guesses until the first of them.

    It goes on in the row with the fewest free cells, and guesses where that has two or more. `rng`
    (see `hrm_rl.puzzles.rng`) shuffles the cells to try: a random solution of an empty board.

    Raises:
        PuzzleError: `most` guesses were not enough.
    """
    free = {row: (1 << size) - 1 for row in range(size)}
    given: dict[int, int] = {}
    for cell in np.flatnonzero(puzzle_L).tolist():
        row, bit = cell // size, 1 << cell % size
        if not free.get(row, 0) & bit:  # attacked by another one
            return [], 0
        given[row], free = bit, _without(free, row, bit)
    found: list[np.ndarray] = []
    guesses, at_first = [0], 0
    for queens in _search(free, given, rng, guesses, most):
        at_first = at_first if found else guesses[0]
        found.append(np.zeros(size * size, dtype=np.uint8))
        found[-1][[row * size + bit.bit_length() - 1 for row, bit in queens.items()]] = 1
        if len(found) == limit:
            break
    return found, at_first if found else guesses[0]


def _search(
    free: dict[int, int],
    queens: dict[int, int],
    rng: np.ndarray | None,
    guesses: list[int],
    most: float,
) -> Iterator[dict[int, int]]:
    """Every way to fill the rows left, counting guesses as it goes; columns are bits."""
    if not free:
        yield queens
        return
    row = min(free, key=lambda row: free[row].bit_count())
    choices = np.array(
        [column for column in range(free[row].bit_length()) if free[row] >> column & 1]
    )
    if rng is not None:
        shuffle(rng, choices)
    guesses[0] += len(choices) > 1
    if guesses[0] > most:
        raise PuzzleError(
            f"the search was given up after {int(most)} guesses without an answer; let other queens "
            "stand, or fewer"
        )
    for column in choices.tolist():
        rest = _without(free, row, 1 << column)
        if all(rest.values()):
            yield from _search(rest, {**queens, row: 1 << column}, rng, guesses, most)


def _without(free: dict[int, int], row: int, bit: int) -> dict[int, int]:
    """The free columns of the other rows once a queen stands in this one."""
    return {
        other: mask & ~(bit | bit << abs(other - row) | bit >> abs(other - row))
        for other, mask in free.items()
        if other != row
    }


def generate(
    task: Queens,
    count: int,
    *,
    seed: int,
    split: str = "train",
    first: int = 0,
    knob: int | None = None,
) -> PuzzleSet:
    """`count` puzzles: some queens of a random solution. Splits share none, mirrored or turned.

    Args:
        knob: queens that stand already; left out, 1 to size - 2, each as often.

    Raises:
        PuzzleError: there is no such puzzle in the split, as on small boards.
    """
    check_order(count, seed, split, first)
    check_knob(task.task, "the number of queens that stand already", knob, 1, task.size - 1)
    puzzles_PL, answers_PL = np.zeros((2, count, task.length), dtype=np.uint8)
    for p in range(count):
        rng = stream(seed, QUEENS + STREAMS[split], first + p)
        puzzles_PL[p], answers_PL[p] = _draw(task, rng, split, knob)
    ratings = [complete(puzzle_L, task.size, limit=1)[1] for puzzle_L in puzzles_PL]
    return PuzzleSet(
        task.task,
        task.tokens(puzzles_PL),
        task.tokens(answers_PL),
        np.array(ratings, dtype=np.int32),
        ("queens",) * count,
    )


def _draw(
    task: Queens, rng: np.ndarray, split: str, knob: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """A puzzle of the split and a solution of it."""
    empty_L = np.zeros(task.length, dtype=np.uint8)
    for number in range(TRIES):
        if number % 20 == 0:
            answer_L = complete(empty_L, task.size, limit=1, rng=rng)[0][0]
        stand = np.flatnonzero(answer_L)
        shuffle(rng, stand)
        puzzle_L = empty_L.copy()
        puzzle_L[stand[: knob or 1 + below(rng, task.size - 2)]] = 1
        if split_of(puzzle_L, task.size) == split:
            return puzzle_L, answer_L
    raise PuzzleError(
        f"in {TRIES} tries no puzzle of {task.task} with {knob} queens fell to the split {split}; "
        "choose another knob or a larger board"
    )


def split_of(puzzle_L: np.ndarray, size: int) -> str:
    """The split that a puzzle and all its mirrored and turned copies belong to."""
    eighth = crc32(canonical(puzzle_L, size).tobytes()) % 8
    return next(split for split, eighths in SHARES.items() if eighth in eighths)


def canonical(puzzle_L: np.ndarray, size: int) -> np.ndarray:
    """(L,) the alphabetically first of a puzzle's eight copies."""
    moved_GL = np.ascontiguousarray(puzzle_L[_moves(size)])
    return moved_GL[min(range(8), key=lambda g: moved_GL[g].tobytes())]


@cache
def _moves(size: int) -> np.ndarray:
    """(G, L) the old cell of each new cell, for the eight symmetries of a square."""
    cells = np.arange(size * size).reshape(size, size)
    turned = [np.rot90(cells, turn) for turn in range(4)]
    return np.stack([*turned, *(grid.T for grid in turned)]).reshape(8, -1)
