"""Puzzles made to order, each determined by (seed, split, its number) alone.

    minimal(count, seed)      9x9, clues stripped from a random grid until none can go
    easy(count, seed)         9x9, 30 to 40 clues, no guess needed
    hard(count, seed)         9x9, in the manner of Sudoku-Extreme: 27 % minimal, 73 % climbed
    small(size, count, seed)  4x4 and 6x6
    every_sudoku4(seed)       all 4x4 puzzles of 4 to 8 clues, up to symmetry, dealt to the splits

Puzzle i of a call with `first=k` is puzzle k + i of a call with `first=0`: work can be cut in
pieces and resumed. Splits draw from separate streams of random numbers, so that a 9x9 puzzle of one
is never a relabelled puzzle of another, except by chance (there are 5.47e9 inequivalent grids).
"""

from functools import cache
from itertools import combinations

import numpy as np

from hrm_rl.puzzles.jit import njit
from hrm_rl.puzzles.rng import below, shuffle, stream
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import STREAMS, check_order
from hrm_rl.puzzles.sudoku.bands import ALL, WORDS
from hrm_rl.puzzles.sudoku.climb import climb
from hrm_rl.puzzles.sudoku.rating import DEPTH, search
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.sudoku.solver import count as count_solutions
from hrm_rl.puzzles.sudoku.solver import solve
from hrm_rl.puzzles.sudoku.strip import random_grid, strip
from hrm_rl.puzzles.sudoku.symmetry import canonical, geometric
from hrm_rl.puzzles.task import PuzzleError

HARD, EASY, MINIMAL, SMALL, DEAL = 16, 32, 48, 64, 15
"""Random numbers come from stream kind + split; for small grids, kind x size + split (or DEAL)."""

EASY_CLUES = (30, 40)
SMALL_CLUES = {4: (4, 8), 6: (8, 16)}
SUDOKU4_COUNTS = {"train": 900, "fit": 336, "test": 1000}

HARD_TARGET = 48
"""Guesses of the proof at which a climb ends. They come with about 31 to the first solution, and
0.73 x 31 + 0.27 x 0.85 is about 23; Sudoku-Extreme has 22."""
HARD_PATIENCE = 1000
"""Steps without a gain after which a climb starts over; 300 and 3,000 took longer."""


def minimal(count: int, seed: int, split: str = "train", first: int = 0) -> PuzzleSet:
    """`count` random minimal 9x9 puzzles: 24.4 clues, 0.85 guesses on average (2,000 a second)."""
    return _make(MINIMAL, "minimal", count, seed, split, first)


def easy(count: int, seed: int, split: str = "train", first: int = 0) -> PuzzleSet:
    """`count` 9x9 puzzles with 30 to 40 clues, rated 0 (6,000 per second)."""
    return _make(EASY, "easy", count, seed, split, first)


def hard(count: int, seed: int, split: str = "train", first: int = 0) -> PuzzleSet:
    """`count` 9x9 puzzles rated about 23 on average, each of its own grid (two per second)."""
    return _make(HARD, "hard", count, seed, split, first)


def _make(kind: int, name: str, count: int, seed: int, split: str, first: int) -> PuzzleSet:
    check_order(count, seed, split, first)
    puzzles_PL = np.zeros((count, 81), dtype=np.uint8)
    answers_PL = np.zeros((count, 81), dtype=np.uint8)
    ratings_P = np.zeros(count, dtype=np.int32)
    sources = []
    stack = np.zeros((DEPTH, WORDS), dtype=np.int64)
    masks = np.zeros(81, dtype=np.int64)
    grid = np.zeros(81, dtype=np.int64)
    guesses = np.zeros(2, dtype=np.int64)
    for p in range(count):
        rng = stream(seed, kind + STREAMS[split], first + p)
        climbed = kind == HARD and (first + p) * 27 % 100 >= 27  # 73 of 100, evenly spread
        if climbed:
            climb(rng, stack, HARD_TARGET, HARD_PATIENCE, grid, masks, guesses)
        elif kind == EASY:
            _easy(rng, stack, grid, masks, guesses)
        else:
            _minimal(rng, stack, grid, masks, guesses)
        answers_PL[p] = grid
        puzzles_PL[p] = np.where(masks == ALL, 0, grid)
        ratings_P[p] = guesses[0]
        sources.append(f"hrm_rl_{name}" + ("_climbed" if climbed else "_minimal") * (kind == HARD))
    game = Sudoku(9)
    return PuzzleSet(
        game.task, game.tokens(puzzles_PL), game.tokens(answers_PL), ratings_P, tuple(sources)
    )


@njit
def _minimal(
    rng: np.ndarray, stack: np.ndarray, grid: np.ndarray, masks: np.ndarray, guesses: np.ndarray
) -> None:
    random_grid(rng, stack, grid)
    strip(rng, stack, grid, 0, masks)
    search(stack, masks, 2, np.zeros((2, 81), dtype=np.int64), guesses)


@njit
def _easy(
    rng: np.ndarray, stack: np.ndarray, grid: np.ndarray, masks: np.ndarray, guesses: np.ndarray
) -> None:
    fewest, most = EASY_CLUES
    grids = np.zeros((2, 81), dtype=np.int64)
    guesses[1] = 1
    clues = 0
    while guesses[1] or clues > most:
        random_grid(rng, stack, grid)
        clues = strip(rng, stack, grid, fewest + below(rng, most - fewest + 1), masks)
        search(stack, masks, 2, grids, guesses)


def small(
    size: int,
    count: int,
    seed: int,
    split: str = "train",
    first: int = 0,
    clues: tuple[int, int] | None = None,
) -> PuzzleSet:
    """`count` 4x4 or 6x6 puzzles with a random number of clues in `clues`, both ends included.

    (More clues where none can go.) Ratings are the guesses of `solver.solve`, nearly always 0. With
    288 grids of 4x4 the splits overlap here; `every_sudoku4` holds puzzles out.
    """
    check_order(count, seed, split, first)
    if size not in SMALL_CLUES:
        raise PuzzleError(f"size must be 4 or 6, got {size}; for 9 call minimal, easy or hard")
    low, high = clues or SMALL_CLUES[size]
    game = Sudoku(size)
    puzzles, answers = [], []
    for index in range(first, first + count):
        rng = stream(seed, SMALL * size + STREAMS[split], index)
        grid_L = solve(np.zeros(game.length, dtype=np.uint8), size, limit=1, rng=rng)[0][0]
        answers.append(grid_L)
        puzzles.append(_strip_small(rng, grid_L, size, keep=low + below(rng, high - low + 1)))
    return _small_set(game, puzzles, answers, "small")


def _strip_small(rng: np.ndarray, grid_L: np.ndarray, size: int, keep: int) -> np.ndarray:
    """Blank cells in random order while there is one solution and more than `keep` clues."""
    puzzle_L = grid_L.copy()
    order = np.arange(grid_L.size)
    shuffle(rng, order)
    for cell in order:
        if np.count_nonzero(puzzle_L) <= keep:
            break
        puzzle_L[cell] = 0
        if count_solutions(puzzle_L, size) != 1:
            puzzle_L[cell] = grid_L[cell]
    return puzzle_L


def _small_set(
    game: Sudoku, puzzles: list[np.ndarray], answers: list[np.ndarray], source: str
) -> PuzzleSet:
    shape = (len(puzzles), game.length)
    return PuzzleSet(
        game.task,
        game.tokens(np.array(puzzles, dtype=np.uint8).reshape(shape)),
        game.tokens(np.array(answers, dtype=np.uint8).reshape(shape)),
        np.array([solve(puzzle_L, game.size)[1] for puzzle_L in puzzles], dtype=np.int32),
        (f"hrm_rl_{source}",) * len(puzzles),
    )


@cache
def every_sudoku4(seed: int) -> dict[str, PuzzleSet]:
    """All 4x4 puzzles of 4 to 8 clues, one of each class of symmetric ones, dealt to the splits.

    2,236 classes: 13, 96, 376, 711 and 1,040 with 4, 5, 6, 7 and 8 clues. No symmetry of a training
    puzzle is a test puzzle, so augmentation cannot give test puzzles away. Grids cannot be held
    out: up to symmetry there are two.
    """
    grids_PL = np.stack(solve(np.zeros(16, dtype=np.uint8), 4, limit=288)[0])
    classes = np.concatenate([_classes(grids_PL, clues) for clues in range(4, 9)])
    rng = stream(seed, SMALL * 4 + DEAL, 0)
    order = np.arange(len(classes))
    shuffle(rng, order)
    sets, start = {}, 0
    for split, count in SUDOKU4_COUNTS.items():
        puzzles = [_random_copy(rng, classes[i]) for i in order[start : start + count]]
        answers = [solve(puzzle_L, 4)[0][0] for puzzle_L in puzzles]
        sets[split] = _small_set(Sudoku(4), puzzles, answers, "sudoku4")
        start += count
    return sets


def _classes(grids_PL: np.ndarray, clues: int) -> np.ndarray:
    """Canonical forms of all 4x4 puzzles with one solution and this many clues, sorted."""
    found = []
    for grid_L in np.unique(canonical(grids_PL, 4), axis=0):
        for shown in combinations(range(16), clues):
            cells = list(shown)
            if (grids_PL[:, cells] == grid_L[cells]).all(axis=1).sum() == 1:
                found.append(np.zeros(16, dtype=np.uint8))
                found[-1][cells] = grid_L[cells]
    return np.unique(canonical(np.stack(found), 4), axis=0)


def _random_copy(rng: np.ndarray, puzzle_L: np.ndarray) -> np.ndarray:
    """A 4x4 puzzle moved and renamed at random."""
    moves_GL = geometric(4)
    names = np.arange(1, 5, dtype=np.uint8)
    shuffle(rng, names)
    moved_L = puzzle_L[moves_GL[below(rng, len(moves_GL))]]
    return np.concatenate([np.zeros(1, dtype=np.uint8), names])[moved_L]
