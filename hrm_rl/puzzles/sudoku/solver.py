"""A plain solver for every size: no compiler, no wait, 1 to 30 ms for a 9x9 puzzle.

It fills cells with one digit left and digits with one cell left in a row, column or box, then
guesses at the cell with the fewest digits. Few puzzles need more than a thousand guesses; some sparse
ones without a solution would need years, so that a search that has to end has a number of guesses.
"""

from functools import cache
from typing import Final

import numpy as np

from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import PuzzleError

PATIENCE: Final = 20_000
"""Guesses after which a puzzle that somebody gave is left alone, about ten seconds."""


def solve(
    digits_L: np.ndarray,
    size: int,
    limit: int = 2,
    rng: np.ndarray | None = None,
    most: float = float("inf"),
) -> tuple[list[np.ndarray], int]:
    """Up to `limit` solutions (digits, uint8) of a puzzle, and the guesses until the first of them.

    Args:
        rng: (see `hrm_rl.puzzles.rng`) shuffles the digits to try: a random grid from an empty one.
        most: guesses that may be made.

    Raises:
        PuzzleError: they were not enough.
    """
    everything = (1 << size) - 1
    candidates = [everything] * (size * size)
    found: list[np.ndarray] = []
    guesses = [0, 0]  # now, at the first solution
    alive = all(
        _assign(candidates, cell, 1 << (int(digit) - 1), size)
        for cell, digit in enumerate(digits_L)
        if digit
    )
    if alive:
        _search(candidates, size, limit, rng, found, guesses, most)
    if len(found) < limit and guesses[0] > most:
        raise PuzzleError(
            f"the search was given up after {int(most)} guesses, with {len(found) or 'no'} solution "
            "found by then; give a puzzle with more givens"
        )
    return found, guesses[1] if found else guesses[0]


def count(digits_L: np.ndarray, size: int, limit: int = 2) -> int:
    """Number of solutions, at most `limit`."""
    return len(solve(digits_L, size, limit)[0])


def check(text: str, size: int = 9) -> np.ndarray:
    """The one solution (digits) of a puzzle as a person types it, or why there is no such thing."""
    return only(Sudoku(size).parse(text), size)


def only(digits_L: np.ndarray, size: int = 9) -> np.ndarray:
    """The one solution (digits) of a puzzle.

    Raises:
        PuzzleError: there is none, there are several, or `PATIENCE` guesses did not tell.
    """
    game = Sudoku(size)
    for number, unit in enumerate(game.units):
        counts = np.bincount(digits_L[unit], minlength=size + 1)[1:]
        if counts.max() > 1:
            name = ("row", "column", "box")[number // size]
            raise PuzzleError(
                f"the givens contradict each other: digit {counts.argmax() + 1} appears "
                f"{counts.max()} times in {name} {number % size + 1}; mend one of them"
            )
    found, _ = solve(digits_L, size, most=PATIENCE)
    if not found:
        raise PuzzleError("the puzzle has no solution; check the givens for a typing error")
    if len(found) > 1:
        raise PuzzleError(
            f"the puzzle has several solutions, as its {np.count_nonzero(digits_L)} givens allow; "
            "add givens until one is left"
        )
    return found[0]


def _search(
    candidates: list[int],
    size: int,
    limit: int,
    rng: np.ndarray | None,
    found: list[np.ndarray],
    guesses: list[int],
    most: float,
) -> None:
    if not _hidden_singles(candidates, size):
        return
    open_cells = [cell for cell, mask in enumerate(candidates) if mask & (mask - 1)]
    if not open_cells:
        if not found:
            guesses[1] = guesses[0]
        found.append(np.array([mask.bit_length() for mask in candidates], dtype=np.uint8))
        return
    cell = min(open_cells, key=lambda cell: candidates[cell].bit_count())
    choices = np.array([1 << d for d in range(size) if candidates[cell] >> d & 1])
    if rng is not None:
        from hrm_rl.puzzles.rng import shuffle  # which loads numba, 0.2 s

        shuffle(rng, choices)
    guesses[0] += 1
    for choice in choices:
        branch = candidates.copy()
        if _assign(branch, cell, int(choice), size):
            _search(branch, size, limit, rng, found, guesses, most)
            if len(found) >= limit or guesses[0] > most:
                return


def _assign(candidates: list[int], cell: int, bit: int, size: int) -> bool:
    """Give a cell its digit and take it from its peers, and go on where that leaves one digit.

    False on a contradiction.
    """
    if not candidates[cell] & bit:
        return False
    candidates[cell] = bit
    pending = [cell]
    peers = _peers(size)
    while pending:
        cell = pending.pop()
        bit = candidates[cell]
        for peer in peers[cell]:
            if candidates[peer] & bit:
                rest = candidates[peer] = candidates[peer] & ~bit
                if not rest:
                    return False
                if not rest & (rest - 1):
                    pending.append(peer)
    return True


def _hidden_singles(candidates: list[int], size: int) -> bool:
    """Assign digits with one cell left in a unit until there are none; False on a contradiction."""
    everything = (1 << size) - 1
    changed = True
    while changed:
        changed = False
        for unit in _unit_lists(size):
            once = twice = 0
            for cell in unit:
                twice |= once & candidates[cell]
                once |= candidates[cell]
            if once != everything:
                return False
            hidden = once & ~twice
            for cell in unit:
                bit = candidates[cell] & hidden
                if bit and candidates[cell] != bit:
                    if bit & (bit - 1) or not _assign(candidates, cell, bit, size):
                        return False
                    changed = True
    return True


@cache
def _unit_lists(size: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(unit) for unit in Sudoku(size).units.tolist())


@cache
def _peers(size: int) -> tuple[tuple[int, ...], ...]:
    """Cells that share a unit with each cell."""
    units = _unit_lists(size)
    return tuple(
        tuple(sorted({other for unit in units if cell in unit for other in unit} - {cell}))
        for cell in range(size * size)
    )
