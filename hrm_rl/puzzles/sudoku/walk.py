"""Random walks from one minimal 9x9 puzzle to the next: one or two clues go, one or two others come.

A *neighbour* of a minimal puzzle has other clues in one or two places, {-1+1}, {-2+1} or {-2+2}, one
solution, which is another grid as a rule, and no clue too many (what is not needed goes). The hardest
puzzles that circulate were found like this, from each other.

Without some of its clues a puzzle has several solutions. A clue that only one of them agrees with
makes that one the solution, and all such clues are known once the solutions are listed.
"""

import numpy as np

from hrm_rl.puzzles.jit import njit
from hrm_rl.puzzles.rng import below, shuffle
from hrm_rl.puzzles.sudoku.bands import ALL
from hrm_rl.puzzles.sudoku.climb import climb
from hrm_rl.puzzles.sudoku.rating import search

MOST_SOLUTIONS = 256
"""Solutions that are listed; clues that leave more are put back. One clue of a hard puzzle leaves 500
(the median), the list takes a microsecond a solution, and longer ones did not pay."""
TRIES = 48
"""Clues that are tried in the place of those that went."""
FOOT = 50
"""Guesses of the proof up to which the first puzzle of a family is climbed to."""
CLIMB_PATIENCE = 1000
PATIENCE = 100
"""Attempts in vain, one after another and 0.25 ms each, after which a family starts over from another
first puzzle. Every other island of hard puzzles has fewer than a dozen."""


@njit
def number_of_clues(masks: np.ndarray) -> int:
    count = 0
    for cell in range(81):
        if masks[cell] != ALL:
            count += 1
    return count


@njit
def drop(rng: np.ndarray, masks: np.ndarray) -> int:
    """Take a random clue away; returns which, as `cell * 9 + digit - 1`."""
    place = below(rng, number_of_clues(masks))
    for cell in range(81):
        if masks[cell] != ALL:
            if place == 0:
                digit = 0
                while not masks[cell] >> digit & 1:
                    digit += 1
                masks[cell] = ALL
                return cell * 9 + digit
            place -= 1
    return -1


@njit
def fits(masks: np.ndarray, clue: int) -> bool:
    """Whether a clue's cell is blank, and its digit not given in the row, column or box."""
    row, col, own = clue // 81, clue // 9 % 9, 1 << (clue % 9)
    if masks[clue // 9] != ALL:
        return False
    for k in range(9):
        box = (row // 3 * 3 + k // 3) * 9 + col // 3 * 3 + k % 3
        if masks[row * 9 + k] == own or masks[k * 9 + col] == own or masks[box] == own:
            return False
    return True


@njit
def telling(grids: np.ndarray, count: int, gone: int, also: int, clues: np.ndarray) -> int:
    """Fill `clues` with those that just one of the `count` solutions agrees with; how many.

    Not with the two that are `gone`.
    """
    once = np.zeros(81, dtype=np.int64)  # digits that a solution has there, a bit each
    twice = np.zeros(81, dtype=np.int64)
    for k in range(count):
        for cell in range(81):
            bit = 1 << (int(grids[k, cell]) - 1)
            twice[cell] |= once[cell] & bit
            once[cell] |= bit
    found = 0
    for clue in range(729):
        alone = once[clue // 9] & ~twice[clue // 9]
        if alone >> (clue % 9) & 1 and clue != gone and clue != also:
            clues[found] = clue
            found += 1
    return found


@njit
def loosen(
    rng: np.ndarray,
    stack: np.ndarray,
    grids: np.ndarray,
    masks: np.ndarray,
    clues: np.ndarray,
    unused: np.ndarray,
) -> int:
    """Take clues of `masks` away so that one is missing, any of `clues`; returns how many those are.

    One clue goes, or, in one case of four, two go and a random one comes. Clues that are needed only
    together are none, and a clue too many is left to `thin`, which makes {-2+1}.
    """
    gone = drop(rng, masks)
    also = gone
    if below(rng, 4) == 0:
        also = drop(rng, masks)
        clue = below(rng, 729)
        while not fits(masks, clue) or clue in (gone, also):
            clue = below(rng, 729)
        masks[clue // 9] = 1 << (clue % 9)
    count = search(stack, masks, len(grids), grids, unused)
    if count < 2 or count == len(grids):
        return 0
    found = telling(grids, count, gone, also, clues)
    shuffle(rng, clues[:found])
    return found


@njit
def thin(
    rng: np.ndarray, stack: np.ndarray, grids: np.ndarray, masks: np.ndarray, unused: np.ndarray
) -> None:
    """Take clues away that are not needed, in random order."""
    order = np.arange(81)
    shuffle(rng, order)
    for cell in order:
        own = masks[cell]
        if own != ALL:
            masks[cell] = ALL & ~own
            other = search(stack, masks, 1, grids, unused)
            masks[cell] = own if other else ALL


@njit
def allowed(new: int, old: int, low: int, high: int) -> bool:
    """Whether a walk may go on to `new`: it lies in low..high, or no farther from it than `old`."""
    return low <= new <= high or old <= new < low or high < new <= old


@njit
def neighbour(
    rng: np.ndarray,
    stack: np.ndarray,
    grids: np.ndarray,
    masks: np.ndarray,
    guesses: np.ndarray,
    value: int,
    low: int,
    high: int,
    sparse: bool,
) -> int:
    """Go to a random neighbour that is allowed, and return its value; -1 if none was found.

    The value is the guesses of the proof, or the blank cells if `sparse`; `value` is that of the puzzle
    in `masks`. `masks`, `guesses` and `grids[0]`, the solution, become the neighbour's.
    """
    loose = masks.copy()
    clues = np.zeros(729, dtype=np.int64)
    rated = np.zeros(2, dtype=np.int64)
    found = loosen(rng, stack, grids, loose, clues, rated)
    for clue in clues[: min(found, TRIES)]:
        trial = loose.copy()
        trial[clue // 9] = 1 << (clue % 9)
        if not sparse:
            search(stack, trial, 2, grids, rated)
            if not allowed(int(rated[1]), value, low, high):
                continue
        thin(rng, stack, grids, trial, rated)
        search(stack, trial, 2, grids, rated)
        new = 81 - number_of_clues(trial) if sparse else int(rated[1])
        if allowed(new, value, low, high):
            masks[:] = trial
            guesses[:] = rated
            return new
    return -1


@njit
def approach(
    rng: np.ndarray,
    stack: np.ndarray,
    grids: np.ndarray,
    masks: np.ndarray,
    guesses: np.ndarray,
    low: int,
    high: int,
    sparse: bool,
) -> bool:
    """Start from a new puzzle and walk to one whose value is in low..high; False if it gets stuck."""
    climb(rng, stack, 0 if sparse else min(low, FOOT), CLIMB_PATIENCE, grids[0], masks, guesses)
    value = 81 - number_of_clues(masks) if sparse else int(guesses[1])
    vain = 0
    while vain < PATIENCE and not low <= value <= high:
        new = neighbour(rng, stack, grids, masks, guesses, value, low, high, sparse)
        vain = vain + 1 if new < 0 or new == value else 0
        value = new if new >= 0 else value
    return low <= value <= high


@njit
def is_among(puzzles: np.ndarray, masks: np.ndarray, grid: np.ndarray) -> bool:
    """Whether the puzzle is one of `puzzles`."""
    for puzzle in puzzles:
        same = True
        for cell in range(81):
            if puzzle[cell] != (0 if masks[cell] == ALL else grid[cell]):
                same = False
                break
        if same:
            return True
    return False


@njit
def family(
    rng: np.ndarray,
    stack: np.ndarray,
    low: int,
    high: int,
    sparse: bool,
    puzzles: np.ndarray,
    answers: np.ndarray,
    ratings: np.ndarray,
) -> None:
    """Fill `puzzles`, `answers` (members, 81) and `ratings` with puzzles of values in low..high.

    Each but the first is a neighbour of a random one before it. Where `PATIENCE` attempts in a row find
    none, the rest of the family starts over from another first puzzle.
    """
    grids = np.zeros((MOST_SOLUTIONS, 81), dtype=np.int64)
    masks = np.zeros(81, dtype=np.int64)
    guesses = np.zeros(2, dtype=np.int64)
    members, begun, vain = 0, 0, PATIENCE
    while members < len(puzzles):
        if vain == PATIENCE:
            begun, vain = members, 0
            while not approach(rng, stack, grids, masks, guesses, low, high, sparse):
                pass
            search(stack, masks, 2, grids, guesses)
        else:
            vain += 1
            parent = begun + below(rng, members - begun)
            for cell in range(81):
                digit = int(puzzles[parent, cell])
                masks[cell] = 1 << (digit - 1) if digit else ALL
            if neighbour(rng, stack, grids, masks, guesses, low, low, high, sparse) < 0:
                continue
            if is_among(puzzles[begun:members], masks, grids[0]):
                continue
        vain = 0
        for cell in range(81):
            answers[members, cell] = grids[0, cell]
            puzzles[members, cell] = 0 if masks[cell] == ALL else grids[0, cell]
        ratings[members] = guesses[0]
        members += 1
