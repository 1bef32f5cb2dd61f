"""How hard a 9x9 puzzle is: the guesses a search makes to its solution, and to the proof that it is
the only one.

The search is equivalent to tdoku's, whose guesses to the first solution are the ratings of
Sudoku-Extreme: the same deductions (`bands`), the same branching, for which all credit goes to
t-dillon/tdoku (BSD-2): take the band with the fewest live ways above nine, in it the digit with the
fewest, assert its first way in a fixed order, else exclude it. Mean guesses, first solution /
proof:

    set                   puzzles   tdoku            here
    magictour_top1465        1465    6.07 /   8.94    6.05 /   8.87
    forum_hardest_1106        375   59.76 / 110.44   59.69 / 110.62

`scripts/check_rating.py` prints the last column. The first-solution count of one puzzle is mostly
luck (rename its digits and it changes); the proof count is not, so search and filter by that one.
"""

import numpy as np

from hrm_rl.puzzles.jit import njit
from hrm_rl.puzzles.sudoku.bands import (
    ALL,
    ONES,
    WORDS,
    bit_count,
    first_bit,
    propagate,
    read_grid,
    set_up,
)
from hrm_rl.puzzles.task import PuzzleError

DEPTH = 64  # more than the 54 assertions that solve any grid
WAY_ORDER = np.array((0, 2, 1, 5, 3, 4), dtype=np.int64)  # lanes of a band: even 0-2, odd 3-5
CHANGED = WORDS - 1  # the word that keeps the band a level has to look at on the way back


def rate(digits_PL: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Guesses (P,) to the first solution and to the proof, of 9x9 puzzles (P, 81) in digits."""
    digits_PL = np.ascontiguousarray(digits_PL, dtype=np.int64)
    guesses_P2 = np.zeros((len(digits_PL), 2), dtype=np.int64)
    found_P = np.zeros(len(digits_PL), dtype=np.int64)
    _rate(digits_PL, guesses_P2, found_P)
    bad = np.flatnonzero(found_P != 1)
    if len(bad):
        number = "no solution" if found_P[bad[0]] == 0 else "several solutions"
        raise PuzzleError(
            f"only puzzles with one solution have a rating, and puzzle {bad[0]} has {number}; "
            f"leave out the {len(bad)} such puzzles"
        )
    return guesses_P2[:, 0].astype(np.int32), guesses_P2[:, 1].astype(np.int32)


def solve_all(digits_PL: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A solution (P, 81) of each 9x9 puzzle, and how many there are (P,): 0, 1, or 2 for several."""
    digits_PL = np.ascontiguousarray(digits_PL, dtype=np.int64)
    grids_PL, found_P = np.zeros_like(digits_PL), np.zeros(len(digits_PL), dtype=np.int64)
    _solve_all(digits_PL, grids_PL, found_P)
    return grids_PL.astype(np.uint8), found_P


@njit
def _solve_all(digits_PL: np.ndarray, grids_PL: np.ndarray, found_P: np.ndarray) -> None:
    stack = np.zeros((DEPTH, WORDS), dtype=np.int64)
    grids = np.zeros((2, 81), dtype=np.int64)
    masks = np.zeros(81, dtype=np.int64)
    guesses = np.zeros(2, dtype=np.int64)
    for p in range(len(digits_PL)):
        for cell in range(81):
            digit = int(digits_PL[p, cell])
            masks[cell] = 1 << (digit - 1) if digit else ALL
        found_P[p] = search(stack, masks, 2, grids, guesses)
        grids_PL[p] = grids[0]


@njit
def _rate(digits_PL: np.ndarray, guesses_P2: np.ndarray, found_P: np.ndarray) -> None:
    stack = np.zeros((DEPTH, WORDS), dtype=np.int64)
    grids = np.zeros((2, 81), dtype=np.int64)
    masks = np.zeros(81, dtype=np.int64)
    for p in range(len(digits_PL)):
        for cell in range(81):
            digit = int(digits_PL[p, cell])
            masks[cell] = 1 << (digit - 1) if digit else ALL
        found_P[p] = search(stack, masks, 2, grids, guesses_P2[p])


@njit
def search(
    stack: np.ndarray, masks: np.ndarray, limit: int, grids: np.ndarray, guesses: np.ndarray
) -> int:
    """Find up to `limit` solutions; returns how many there are (at most `limit`).

    masks (81): the digits allowed in each cell. grids (limit, 81) receives the solutions, guesses
    (2) the branchings until the first of them (or the end) and until the search was over, which
    with limit 2 is the proof that there is one solution. `stack` (DEPTH, WORDS) is scratch space.
    """
    set_up(stack[0], masks)
    level, found, total = 0, 0, 0
    boxes, bands = 0x1FF, 0x3F
    guesses[0] = -1
    while level >= 0:
        alive = propagate(stack[level], bands, boxes)
        boxes = 0
        choice = choose(stack[level]) if alive else -1
        if choice >= 0:
            total += 1
            branch(stack, level, choice)
            bands = 1 << (choice // 9)
            level += 1
            continue
        if alive:
            read_grid(stack[level], grids[found])
            if found == 0:
                guesses[0] = total
            found += 1
            if found == limit:
                break
        level -= 1
        if level >= 0:
            bands = int(stack[level, CHANGED])
    if found == 0:
        guesses[0] = total
    guesses[1] = total
    return found


@njit
def choose(state: np.ndarray) -> int:
    """Where to branch, as band * 9 + digit; -1 if the grid is solved (nine ways in every band)."""
    best = -1
    fewest = 55
    for band in range(6):
        live = bit_count(int(state[2 * band])) + bit_count(int(state[2 * band + 1]))
        if 9 < live < fewest:
            fewest = live
            best = band
    if best < 0:
        return -1
    more1, more2, more3, more4, more5, more6 = 0, 0, 0, 0, 0, 0  # digits with n ways or more
    for lane in range(6):
        way = (int(state[2 * best + lane // 3]) >> (10 * (lane % 3))) & ALL
        more6 |= more5 & way
        more5 |= more4 & way
        more4 |= more3 & way
        more3 |= more2 & way
        more2 |= more1 & way
        more1 |= way
    if more2 & ~more3:
        digits = more2 & ~more3
    elif more3 & ~more4:
        digits = more3 & ~more4
    elif more4 & ~more5:
        digits = more4 & ~more5
    elif more5 & ~more6:
        digits = more5 & ~more6
    else:
        digits = more6
    return best * 9 + first_bit(digits)


@njit
def branch(stack: np.ndarray, level: int, choice: int) -> None:
    """Assert the digit's first way on a copy, level + 1, and exclude it here."""
    band, bit = choice // 9, 1 << (choice % 9)
    here, there = stack[level], stack[level + 1]
    for k in range(WORDS):  # compiles ten times as fast as a slice
        there[k] = here[k]
    here[CHANGED] = 1 << band
    for k in range(6):
        way = int(WAY_ORDER[k])
        word, lane = 2 * band + way // 3, bit << (10 * (way % 3))
        if here[word] & lane:
            here[word] &= ~lane
            only_way(there, band, word, lane, bit)
            return


@njit
def only_way(state: np.ndarray, band: int, word: int, lane: int, bit: int) -> None:
    """Leave a digit (`bit`) of `band` the one way that is bit `lane` of `word`."""
    state[2 * band] &= ~(bit * ONES)
    state[2 * band + 1] &= ~(bit * ONES)
    state[word] |= lane
