"""When two small puzzles are the same puzzle: canonical forms under all symmetries of Sudoku.

Suffixes: P puzzles, L cells, G geometric symmetries.
"""

from functools import cache
from itertools import permutations, product

import numpy as np

from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import PuzzleError


@cache
def geometric(size: int) -> np.ndarray:
    """(G, L) the old cell of each new cell, for all moves of bands, rows, stacks, columns.

    128 for 4x4, transposes included; 3,456 for 6x6, which has none; the 3,359,232 of 9x9 are too
    many to list.
    """
    if size == 9:
        raise PuzzleError("canonical forms are made for sizes 4 and 6 only, got 9")
    game = Sudoku(size)
    rows = _line_orders(size, game.box_rows)
    cols = _line_orders(size, game.box_cols)
    cells = (rows[:, None, :, None] * size + cols[None, :, None, :]).reshape(-1, size, size)
    if game.box_rows == game.box_cols:
        cells = np.concatenate([cells, cells.swapaxes(1, 2)])
    return cells.reshape(len(cells), size * size)


def _line_orders(size: int, per_group: int) -> np.ndarray:
    """(orders, size) every order of the lines that keeps bands (or stacks) together."""
    groups = size // per_group
    inner = list(permutations(range(per_group)))
    return np.array(
        [
            [group * per_group + line for group in order for line in lines[group]]
            for order in permutations(range(groups))
            for lines in product(inner, repeat=groups)
        ]
    )


def canonical(digits_PL: np.ndarray, size: int) -> np.ndarray:
    """(P, L) uint8: equal rows for puzzles that symmetries turn into each other, and only those.

    Of all moved copies, with digits renamed in the order in which they appear, the alphabetically
    first.
    """
    digits_PL = np.asarray(digits_PL, dtype=np.uint8)
    chunk = max(1, 2**15 // len(geometric(size)))
    parts = [_canonical(digits_PL[i : i + chunk], size) for i in range(0, len(digits_PL), chunk)]
    return np.concatenate(parts) if parts else digits_PL


def _canonical(digits_PL: np.ndarray, size: int) -> np.ndarray:
    length = digits_PL.shape[1]
    moved_PGL = np.take(digits_PL, geometric(size), axis=1)
    # Where each digit appears first, behind all where it does not; a blank keeps its name, 0.
    first_PGD = np.full((*moved_PGL.shape[:2], size + 1), -1, dtype=np.int8)
    for digit in range(1, size + 1):
        there_P1 = (digits_PL == digit).any(axis=1, keepdims=True)
        first_PGD[:, :, digit] = np.where(there_P1, (moved_PGL == digit).argmax(axis=2), length)
    names_PGD = first_PGD.argsort(axis=2, kind="stable").argsort(axis=2).astype(np.uint8)
    renamed_PGL = np.take_along_axis(names_PGD, moved_PGL.astype(np.intp), axis=2)
    words_PG = renamed_PGL.view(f"S{length}")[:, :, 0]  # bytes compare as the rows do
    least_P = np.ascontiguousarray(np.sort(words_PG, axis=1)[:, 0])
    return least_P.view(np.uint8).reshape(len(digits_PL), length)
