"""Local search for hard 9x9 puzzles inside one solution grid.

A step drops one to three clues, adds others until the puzzle is proper again, strips what is not
needed, and is kept if the proof of uniqueness takes no fewer guesses than before (the proof: the
guesses to the first solution are mostly luck).

Two solutions of the same clues differ in an *unavoidable set* of cells: every proper puzzle of the
grid has a clue in it. The search keeps the sets it has met, so that most questions about uniqueness
take bit tests instead of a search, which makes a step three times as fast. A set of cells is two
words: cells 0-53 and cells 54-80.
"""

import numpy as np

from hrm_rl.puzzles.jit import njit
from hrm_rl.puzzles.rng import below, shuffle
from hrm_rl.puzzles.sudoku.bands import ALL
from hrm_rl.puzzles.sudoku.rating import search
from hrm_rl.puzzles.sudoku.strip import random_grid, strip

LOW = 54
MOST_SETS = 4096


@njit
def has(cells: np.ndarray, cell: int) -> int:
    return (cells[0] >> cell if cell < LOW else cells[1] >> (cell - LOW)) & 1


@njit
def add(cells: np.ndarray, cell: int) -> None:
    if cell < LOW:
        cells[0] |= 1 << cell
    else:
        cells[1] |= 1 << (cell - LOW)


@njit
def remove(cells: np.ndarray, cell: int) -> None:
    if cell < LOW:
        cells[0] &= ~(1 << cell)
    else:
        cells[1] &= ~(1 << (cell - LOW))


@njit
def remember(sets: np.ndarray, used: int, grid: np.ndarray, other: np.ndarray) -> int:
    """Append the cells where two grids differ to `sets`; returns the new number of sets.

    When all places are taken, the older half goes.
    """
    cells = np.zeros(2, dtype=np.int64)
    for cell in range(81):
        if grid[cell] != other[cell]:
            add(cells, cell)
    if cells[0] == 0 and cells[1] == 0:
        return used
    if used == MOST_SETS:
        used //= 2
        for k in range(used):
            sets[k, 0] = sets[used + k, 0]
            sets[k, 1] = sets[used + k, 1]
    sets[used, 0] = cells[0]
    sets[used, 1] = cells[1]
    return used + 1


@njit
def random_cell(rng: np.ndarray, cells: np.ndarray) -> int:
    """A random cell of a set."""
    chosen = -1
    count = 0
    for cell in range(81):
        if has(cells, cell):
            count += 1
            if below(rng, count) == 0:
                chosen = cell
    return chosen


@njit
def hit_all(rng: np.ndarray, sets: np.ndarray, used: int, clues: np.ndarray) -> None:
    """Add random cells to `clues` until every remembered set has one."""
    for k in range(used):
        if not (sets[k, 0] & clues[0]) and not (sets[k, 1] & clues[1]):
            add(clues, random_cell(rng, sets[k]))


@njit
def needed(sets: np.ndarray, used: int, clues: np.ndarray) -> np.ndarray:
    """The clues that are the only one in some remembered set: none of them can go."""
    only = np.zeros(2, dtype=np.int64)
    for k in range(used):
        low = sets[k, 0] & clues[0]
        high = sets[k, 1] & clues[1]
        if high == 0:
            if low & (low - 1) == 0:
                only[0] |= low
        elif low == 0 and high & (high - 1) == 0:
            only[1] |= high
    return only


@njit
def drop_some(rng: np.ndarray, clues: np.ndarray) -> None:
    """Take one to three random clues away."""
    cells = np.zeros(81, dtype=np.int64)
    count = 0
    for cell in range(81):
        if has(clues, cell):
            cells[count] = cell
            count += 1
    for _ in range(1 + below(rng, 3)):
        remove(clues, cells[below(rng, count)])


@njit
def to_masks(grid: np.ndarray, clues: np.ndarray, masks: np.ndarray) -> None:
    """Cell masks of the puzzle that shows the cells of `clues`."""
    for cell in range(81):
        masks[cell] = 1 << (int(grid[cell]) - 1) if has(clues, cell) else ALL


@njit
def repair(
    rng: np.ndarray,
    stack: np.ndarray,
    grid: np.ndarray,
    sets: np.ndarray,
    used: int,
    clues: np.ndarray,
    masks: np.ndarray,
    guesses: np.ndarray,
) -> int:
    """Add clues until the puzzle has one solution, and rate it; returns the new number of sets."""
    grids = np.zeros((2, 81), dtype=np.int64)
    hit_all(rng, sets, used, clues)
    to_masks(grid, clues, masks)
    while search(stack, masks, 2, grids, guesses) == 2:
        used = remember(sets, used, grid, grids[0])
        used = remember(sets, used, grid, grids[1])
        hit_all(rng, sets, used, clues)
        to_masks(grid, clues, masks)
    return used


@njit
def strip_unneeded(
    rng: np.ndarray,
    stack: np.ndarray,
    grid: np.ndarray,
    sets: np.ndarray,
    used: int,
    clues: np.ndarray,
    masks: np.ndarray,
    guesses: np.ndarray,
) -> int:
    """Take unneeded clues away in random order, and rate again; returns the new number of sets."""
    grids = np.zeros((2, 81), dtype=np.int64)
    unused = np.zeros(2, dtype=np.int64)
    only = needed(sets, used, clues)
    cells = np.zeros(81, dtype=np.int64)
    count = 0
    for cell in range(81):
        if has(clues, cell) and not has(only, cell):
            cells[count] = cell
            count += 1
    shuffle(rng, cells[:count])
    stripped = False
    for cell in cells[:count]:
        own = 1 << (int(grid[cell]) - 1)
        masks[cell] = ALL & ~own
        if search(stack, masks, 1, grids, unused):
            masks[cell] = own
            used = remember(sets, used, grid, grids[0])
        else:
            masks[cell] = ALL
            remove(clues, cell)
            stripped = True
    if stripped:
        search(stack, masks, 2, grids, guesses)
    return used


@njit
def climb(
    rng: np.ndarray,
    stack: np.ndarray,
    target: int,
    patience: int,
    grid: np.ndarray,
    masks: np.ndarray,
    guesses: np.ndarray,
) -> None:
    """Fill grid, masks and guesses with a puzzle whose proof takes `target` guesses or more.

    Starts over, on another grid, after `patience` steps without a gain.
    """
    sets = np.zeros((MOST_SETS, 2), dtype=np.int64)
    grids = np.zeros((2, 81), dtype=np.int64)
    clues = np.zeros(2, dtype=np.int64)
    while True:
        random_grid(rng, stack, grid)
        strip(rng, stack, grid, 0, masks)
        clues[0] = 0
        clues[1] = 0
        for cell in range(81):
            if masks[cell] != ALL:
                add(clues, cell)
        search(stack, masks, 2, grids, guesses)
        best = guesses[1]
        used = 0
        idle = 0
        while best < target and idle < patience:
            trial = clues.copy()
            drop_some(rng, trial)
            used = repair(rng, stack, grid, sets, used, trial, masks, guesses)
            used = strip_unneeded(rng, stack, grid, sets, used, trial, masks, guesses)
            idle += 1
            if guesses[1] >= best:
                if guesses[1] > best:
                    idle = 0
                best = guesses[1]
                clues = trial
        if best >= target:
            return
