"""Kernels that make 9x9 puzzles: random grids, and stripping their clues.

`masks` (81) is a puzzle as the search takes it: the digits allowed in each cell, all in a blank
one.
"""

import numpy as np

from hrm_rl.puzzles.jit import njit
from hrm_rl.puzzles.rng import below, shuffle
from hrm_rl.puzzles.sudoku.bands import ALL, bit_count, propagate, read_grid, set_up
from hrm_rl.puzzles.sudoku.rating import only_way, search

HEAD_START = 36  # clues of a full grid that almost always can go together


@njit
def random_grid(rng: np.ndarray, stack: np.ndarray, grid: np.ndarray) -> None:
    """Fill `grid` (81) with a random solved Sudoku: random ways, anew after a dead end."""
    masks = np.full(81, ALL, dtype=np.int64)
    state = stack[0]
    while True:
        set_up(state, masks)
        alive = True
        while alive:
            band = random_open_band(rng, state)
            if band < 0:
                read_grid(state, grid)
                return
            take_random_way(rng, state, band)
            alive = propagate(state, 1 << band, 0)


@njit
def random_open_band(rng: np.ndarray, state: np.ndarray) -> int:
    """A random band that is not settled; -1 if all are."""
    chosen = -1
    count = 0
    for band in range(6):
        if bit_count(int(state[2 * band])) + bit_count(int(state[2 * band + 1])) > 9:
            count += 1
            if below(rng, count) == 0:
                chosen = band
    return chosen


@njit
def take_random_way(rng: np.ndarray, state: np.ndarray, band: int) -> None:
    """Assert one live (way, digit) of a band."""
    count, word, lane, bit = 0, 0, 0, 0
    for k in range(6):
        way = (int(state[2 * band + k // 3]) >> (10 * (k % 3))) & ALL
        for digit in range(9):
            if way >> digit & 1:
                count += 1
                if below(rng, count) == 0:
                    word, bit = 2 * band + k // 3, 1 << digit
                    lane = bit << (10 * (k % 3))
    only_way(state, band, word, lane, bit)


@njit
def strip(
    rng: np.ndarray, stack: np.ndarray, grid: np.ndarray, keep: int, masks: np.ndarray
) -> int:
    """Blank the cells of `grid` in random order while the puzzle has one solution and more than
    `keep` clues; fills `masks`, returns the clues left."""
    grids = np.zeros((2, 81), dtype=np.int64)
    guesses = np.zeros(2, dtype=np.int64)
    order = np.arange(81)
    shuffle(rng, order)
    blank_all_but(grid, order[HEAD_START:], masks)
    start = HEAD_START
    if keep > 81 - HEAD_START or search(stack, masks, 2, grids, guesses) != 1:
        blank_all_but(grid, order, masks)
        start = 0
    clues = 81 - start
    for cell in order[start:]:
        if clues <= keep:
            break
        # Only another digit in this cell can make another solution.
        own = masks[cell]
        masks[cell] = ALL & ~own
        if search(stack, masks, 1, grids, guesses):
            masks[cell] = own
        else:
            masks[cell] = ALL
            clues -= 1
    return clues


@njit
def blank_all_but(grid: np.ndarray, cells: np.ndarray, masks: np.ndarray) -> None:
    """`masks` of the puzzle that shows `cells` of `grid`."""
    for cell in range(81):
        masks[cell] = ALL
    for cell in cells:
        masks[cell] = 1 << (int(grid[cell]) - 1)
