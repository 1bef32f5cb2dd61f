"""When two 9x9 puzzles are the same puzzle: a canonical form under all 2 x 6^8 x 9! symmetries.

The copies of a puzzle are too many to list, as `symmetry` does for small ones. Two rows of a band and
an order of the columns fix a copy: digits are renamed so that its first row reads 123456789, and the
other rows are sorted by their first digit. Of the rows only those come first whose clues are fewest
(by a key that symmetries keep), the columns are sorted by such a key, and of the copies that are left,
a few as a rule, the form is the alphabetically first.

Suffixes: P puzzles, L cells.
"""

from itertools import combinations

import numpy as np

from hrm_rl.puzzles.jit import njit

ORDERS = np.array([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])


def canonical9(digits_PL: np.ndarray, answers_PL: np.ndarray) -> np.ndarray:
    """(P, L) uint8: equal rows for puzzles that symmetries turn into each other, and only those.

    Takes puzzles with one solution, and that, in digits. About 100,000 a second.
    """
    digits_PL = np.ascontiguousarray(digits_PL, dtype=np.int64).reshape(-1, 9, 9)
    answers_PL = np.ascontiguousarray(answers_PL, dtype=np.int64).reshape(-1, 9, 9)
    forms_PL = np.zeros((len(digits_PL), 81), dtype=np.int64)
    _canonical(digits_PL, answers_PL, forms_PL)
    return np.where(forms_PL & 1, forms_PL >> 1, 0).astype(np.uint8)


def invariant9(grids_PL: np.ndarray) -> list[tuple[bytes, ...]]:
    """What no symmetry of a full grid changes, for each: grids with different keys are no copies.

    Cycle types of the permutations that turn lines into each other, lines of one band and of two
    apart, rows and columns in either order. Much faster than `canonical9`, which a full grid, where
    all rows have as many clues, gives the most to try.
    """
    grids_PRC = grids_PL.reshape(-1, 9, 9).astype(np.int64) - 1
    keys = []
    for lines_PRC in (grids_PRC, grids_PRC.swapaxes(1, 2)):
        where_PRD = lines_PRC.argsort(axis=2)
        types: dict[bool, list[np.ndarray]] = {True: [], False: []}
        for a, b in combinations(range(9), 2):
            step_PD = np.take_along_axis(lines_PRC[:, b], where_PRD[:, a], axis=1)
            power_PD, code_P = step_PD, np.zeros(len(grids_PL), dtype=np.int64)
            for _ in range(4):  # fixed points of the first powers tell most types apart
                code_P = code_P * 10 + (power_PD == np.arange(9)).sum(axis=1)
                power_PD = np.take_along_axis(step_PD, power_PD, axis=1)
            types[a // 3 == b // 3].append(code_P)
        keys.append(
            np.concatenate([np.sort(np.stack(t, axis=1), axis=1) for t in types.values()], 1)
        )
    return [
        tuple(sorted((rows.tobytes(), cols.tobytes()))) for rows, cols in zip(*keys, strict=True)
    ]


@njit
def _canonical(puzzles: np.ndarray, answers: np.ndarray, forms: np.ndarray) -> None:
    orders = np.zeros((1296, 9), dtype=np.int64)
    for p in range(len(puzzles)):
        forms[p] = 99
        least = min(least_key(puzzles[p]), least_key(puzzles[p].T))
        for turned in range(2):
            puzzle = puzzles[p].T.copy() if turned else puzzles[p]
            answer = answers[p].T.copy() if turned else answers[p]
            for first in range(9):
                for second in range(first // 3 * 3, first // 3 * 3 + 3):
                    if second != first and pair_key(puzzle, first, second) == least:
                        count = column_orders(puzzle, first, second, orders)
                        for k in range(count):
                            take_less(puzzle, answer, first, second, orders[k], forms[p])


@njit
def third_of(first: int, second: int) -> int:
    """The other row of the band."""
    return first // 3 * 9 + 3 - first - second


@njit
def row_key(puzzle: np.ndarray, row: int) -> int:
    """Clues of a row, and of its minirows, sorted: a number below 1,024."""
    clues = np.zeros(3, dtype=np.int64)  # of each minirow; numpy's own sum of two truths is one
    for col in range(9):
        clues[col // 3] += puzzle[row, col] > 0
    a, b, c = clues[0], clues[1], clues[2]
    low, high = min(a, b, c), max(a, b, c)
    return ((a + b + c) * 16 + high * 4 + low) & 1023


@njit
def pair_key(puzzle: np.ndarray, first: int, second: int) -> int:
    """The keys of two rows and of the third of their band, as one number."""
    key = row_key(puzzle, first) * 1024 + row_key(puzzle, second)
    return key * 1024 + row_key(puzzle, third_of(first, second))


@njit
def least_key(puzzle: np.ndarray) -> int:
    least = pair_key(puzzle, 0, 1)
    for first in range(9):
        for second in range(first // 3 * 3, first // 3 * 3 + 3):
            if second != first:
                least = min(least, pair_key(puzzle, first, second))
    return least


@njit
def column_orders(puzzle: np.ndarray, first: int, second: int, orders: np.ndarray) -> int:
    """All orders of the columns that sort them, and the stacks, by key; returns how many."""
    third = third_of(first, second)
    keys = np.zeros(9, dtype=np.int64)
    for col in range(9):
        for row in range(9):
            keys[col] += puzzle[row, col] > 0
        for row in (first, second, third):
            keys[col] = keys[col] * 2 + (puzzle[row, col] > 0)
    stacks = np.zeros(3, dtype=np.int64)
    for stack in range(3):
        a, b, c = keys[3 * stack], keys[3 * stack + 1], keys[3 * stack + 2]
        low, high = min(a, b, c), max(a, b, c)
        stacks[stack] = (low * 128 + (a + b + c - low - high)) * 128 + high
    count = 0
    for over in ORDERS:
        if stacks[over[0]] > stacks[over[1]] or stacks[over[1]] > stacks[over[2]]:
            continue
        for inner in range(216):
            sorted_ = True
            for place in range(3):
                order = ORDERS[inner // 6**place % 6]
                for k in range(3):
                    orders[count, 3 * place + k] = 3 * over[place] + order[k]
                    if (
                        k
                        and keys[3 * over[place] + order[k - 1]] > keys[3 * over[place] + order[k]]
                    ):
                        sorted_ = False
            count += sorted_
            if count == len(orders):
                return count
    return count


@njit
def row_order(
    answer: np.ndarray, first: int, second: int, names: np.ndarray, col: int
) -> np.ndarray:
    """The band of the two rows, then the others, sorted by the names of their digits in `col`."""
    rows = np.zeros(9, dtype=np.int64)
    rows[0], rows[1], rows[2] = first, second, third_of(first, second)
    lead = -1  # the band whose digits begin with the lowest name
    early, late = 3, 6
    for name in range(1, 10):
        for row in range(9):
            band = row // 3
            if band == first // 3 or names[answer[row, col]] != name:
                continue
            if lead < 0:
                lead = band
            if band == lead:
                rows[early] = row
                early += 1
            else:
                rows[late] = row
                late += 1
    return rows


@njit
def take_less(
    puzzle: np.ndarray,
    answer: np.ndarray,
    first: int,
    second: int,
    columns: np.ndarray,
    form: np.ndarray,
) -> None:
    """Make the copy that rows and columns fix the form, if it comes before the one that is there."""
    names = np.zeros(10, dtype=np.int64)
    for k in range(9):
        names[answer[first, columns[k]]] = k + 1
    rows = row_order(answer, first, second, names, columns[0])
    less = False
    for k in range(81):
        row, col = rows[k // 9], columns[k % 9]
        value = 2 * names[answer[row, col]] + (puzzle[row, col] > 0)
        if value > form[k] and not less:
            return
        if value < form[k]:
            less = True
        form[k] = value
