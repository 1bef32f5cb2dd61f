"""The sets in the package: proper puzzles, right ratings, splits apart, made by the generator."""

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleSet, Sudoku, concat, load
from hrm_rl.puzzles.files import DATA, SPLITS
from hrm_rl.puzzles.sudoku import generate
from hrm_rl.puzzles.sudoku.classes import invariant9
from hrm_rl.puzzles.sudoku.rating import rate
from hrm_rl.puzzles.sudoku.solver import solve
from hrm_rl.puzzles.sudoku.symmetry import canonical

NINE = Sudoku(9)
KINDS = ("easy", "minimal", "hard")


def clues(puzzles: PuzzleSet) -> np.ndarray:
    return (puzzles.inputs_PL > 1).sum(axis=1)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("kind", KINDS)
def test_nine_by_nine_sets_have_one_solution_each_and_the_rating_they_say(kind, split):
    puzzles = load(f"sudoku9_{kind}", split)
    assert len(puzzles) == {"train": 1000, "fit": 400, "test": 1000}[split]
    first_P, _ = rate(NINE.values(puzzles.inputs_PL))  # refuses puzzles without a single solution
    assert np.array_equal(first_P, puzzles.ratings_P)


@pytest.mark.parametrize("split", SPLITS)
def test_the_kinds_are_what_their_names_say(split):
    easy, minimal, hard = (load(f"sudoku9_{kind}", split) for kind in KINDS)
    assert easy.ratings_P.max() == 0
    assert clues(easy).min() == 30 and clues(easy).max() == 40
    assert 24 < clues(minimal).mean() < 25
    assert 0.7 < minimal.ratings_P.mean() < 1.1
    assert 21 < hard.ratings_P.mean() < 25  # Sudoku-Extreme: 22
    climbed_P = np.array([source.endswith("_climbed") for source in hard.sources])
    assert climbed_P.mean() == pytest.approx(0.73)
    _, proof_P = rate(NINE.values(hard.inputs_PL[climbed_P]))
    assert proof_P.min() >= generate.HARD_TARGET


def test_minimal_puzzles_have_no_clue_to_spare():
    puzzles_PL = NINE.values(load("sudoku9_minimal", "test").take(range(3)).inputs_PL)
    for puzzle_L in puzzles_PL:
        for cell in np.flatnonzero(puzzle_L):
            without_L = puzzle_L.copy()
            without_L[cell] = 0
            assert len(solve(without_L, 9, limit=2)[0]) == 2


def test_no_two_nine_by_nine_puzzles_come_from_the_same_grid_up_to_symmetry():
    puzzles = concat([load("sudoku9", split) for split in SPLITS])
    keys = invariant9(NINE.values(puzzles.solutions_PL))
    assert len(set(keys)) == len(puzzles) == 7200


def test_four_by_four_splits_are_all_puzzles_up_to_symmetry_and_share_none():
    sets = {split: load("sudoku4", split) for split in SPLITS}
    assert {split: len(puzzles) for split, puzzles in sets.items()} == generate.SUDOKU4_COUNTS
    puzzles = concat(list(sets.values()))
    digits_PL = Sudoku(4).values(puzzles.inputs_PL)
    assert len(np.unique(canonical(digits_PL, 4), axis=0)) == len(puzzles)
    assert np.bincount(clues(puzzles)).tolist() == [0, 0, 0, 0, 13, 96, 376, 711, 1040]
    for digits_L, tokens_L, rating in zip(
        digits_PL, puzzles.solutions_PL, puzzles.ratings_P, strict=True
    ):
        found, guesses = solve(digits_L, 4)
        assert len(found) == 1 and np.array_equal(found[0] + 1, tokens_L) and guesses == rating


@pytest.mark.slow
def test_six_by_six_splits_have_one_solution_each_and_share_no_puzzle_up_to_symmetry():
    sets = {split: load("sudoku6", split) for split in SPLITS}
    assert {split: len(puzzles) for split, puzzles in sets.items()} == {
        "train": 1000,
        "fit": 300,
        "test": 500,
    }
    puzzles = concat(list(sets.values()))
    assert clues(puzzles).min() == 8 and 9.5 < clues(puzzles).mean() < 10.5
    digits_PL = Sudoku(6).values(puzzles.inputs_PL)
    for digits_L, tokens_L, rating in zip(
        digits_PL, puzzles.solutions_PL, puzzles.ratings_P, strict=True
    ):
        found, guesses = solve(digits_L, 6)
        assert len(found) == 1 and np.array_equal(found[0] + 1, tokens_L) and guesses == rating
    assert len(np.unique(canonical(digits_PL, 6), axis=0)) == len(puzzles)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["easy", "minimal"])
def test_the_generator_makes_the_shipped_puzzles_again(kind):
    shipped = load(f"sudoku9_{kind}", "test")
    made = getattr(generate, kind)(20, seed=1, split="test", first=980)
    assert np.array_equal(made.inputs_PL, shipped.inputs_PL[980:])
    assert np.array_equal(made.ratings_P, shipped.ratings_P[980:])


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_the_generator_makes_the_shipped_hard_puzzles_again(split):
    shipped = load("sudoku9_hard", split).take(range(397, 400))
    made = generate.hard(3, seed=1, split=split, first=397)
    assert np.array_equal(made.inputs_PL, shipped.inputs_PL)
    assert made.sources == shipped.sources


@pytest.mark.slow
def test_the_generator_makes_the_shipped_four_by_four_puzzles_again():
    for split, made in generate.every_sudoku4(seed=1).items():
        assert np.array_equal(made.inputs_PL, load("sudoku4", split).inputs_PL)


def test_the_package_stays_small():
    assert sum(file.stat().st_size for file in DATA.glob("*.csv")) < 1_800_000
