"""The generators: right puzzles, a function of (seed, split, number), the same without numba."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleError, Sudoku
from hrm_rl.puzzles.sudoku import generate
from hrm_rl.puzzles.sudoku.rating import rate
from hrm_rl.puzzles.sudoku.solver import count

NINE = Sudoku(9)


def test_easy_puzzles_are_uniform_in_clues_and_need_no_guess():
    puzzles = generate.easy(300, seed=5)
    digits_PL = NINE.values(puzzles.inputs_PL)
    assert not rate(digits_PL)[1].any() and not puzzles.ratings_P.any()
    clues_P = np.count_nonzero(digits_PL, axis=1)
    assert set(clues_P) == set(range(30, 41))
    assert NINE.solved(digits_PL, NINE.values(puzzles.solutions_PL)).all()


def test_minimal_puzzles_have_the_known_mean_and_their_ratings():
    puzzles = generate.minimal(500, seed=5)
    digits_PL = NINE.values(puzzles.inputs_PL)
    assert np.count_nonzero(digits_PL, axis=1).mean() == pytest.approx(24.4, abs=0.2)
    assert np.array_equal(rate(digits_PL)[0], puzzles.ratings_P)
    assert NINE.solved(digits_PL, NINE.values(puzzles.solutions_PL)).all()


@pytest.mark.parametrize("make", [generate.easy, generate.minimal])
def test_puzzles_depend_on_seed_split_and_number_alone(make):
    whole = make(6, seed=1).inputs_PL
    assert np.array_equal(whole[4:], make(2, seed=1, first=4).inputs_PL)
    rows = [whole, make(6, seed=2).inputs_PL, make(6, seed=1, split="test").inputs_PL]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 18


def test_grids_are_random_in_every_cell():
    """1,000 digits of each cell, nine digits: chi-square of 8 degrees of freedom, 81 times."""
    digits_PL = NINE.values(generate.easy(1000, seed=9).solutions_PL)
    counts_LD = np.stack([(digits_PL == d).sum(axis=0) for d in range(1, 10)], axis=1)
    chi2_L = ((counts_LD - 1000 / 9) ** 2 / (1000 / 9)).sum(axis=1)
    assert chi2_L.mean() == pytest.approx(8, abs=5 * 4 / 81**0.5)  # five standard deviations
    assert chi2_L.max() < 40


@pytest.mark.parametrize(("size", "low", "high"), [(4, 4, 8), (6, 8, 16)])
def test_small_puzzles_have_one_solution(size, low, high):
    puzzles, game = generate.small(size, 4, seed=4), Sudoku(size)
    digits_PL = game.values(puzzles.inputs_PL)
    assert puzzles.task == f"sudoku{size}"
    assert game.solved(digits_PL, game.values(puzzles.solutions_PL)).all()
    assert all(count(digits_L, size) == 1 for digits_L in digits_PL)
    assert (np.count_nonzero(digits_PL, axis=1) >= low).all()
    assert (np.count_nonzero(digits_PL, axis=1) <= high).all()
    again = generate.small(size, 1, seed=4, first=3)
    assert np.array_equal(again.inputs_PL, puzzles.inputs_PL[3:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1, "seed": -1}, r"seed must be in \[0, 2\*\*32\), got -1"),
        (
            {"count": 1, "seed": 0, "split": "dev"},
            "split must be one of train, test, fit, got 'dev'",
        ),
        ({"count": -1, "seed": 0}, "count and first must be >= 0, got -1 and 0"),
    ],
)
def test_bad_arguments_are_told(arguments, message):
    for make in (generate.easy, lambda **rest: generate.small(4, **rest)):
        with pytest.raises(PuzzleError, match=message):
            make(**arguments)


def test_small_is_for_four_and_six():
    with pytest.raises(PuzzleError, match="size must be 4 or 6, got 9; for 9 call"):
        generate.small(9, 1, seed=0)


KERNELS = """
import json
import numpy as np
from hrm_rl.puzzles import jit
from hrm_rl.puzzles.sudoku import generate
from hrm_rl.puzzles.sudoku.bands import WORDS
from hrm_rl.puzzles.sudoku.climb import climb
from hrm_rl.puzzles.sudoku.rating import DEPTH
from hrm_rl.puzzles.rng import stream

stack = np.zeros((DEPTH, WORDS), dtype=np.int64)
grid, masks, guesses = (np.zeros(n, dtype=np.int64) for n in (81, 81, 2))
result = {
    "numba": jit.HAVE_NUMBA,
    "minimal": generate.minimal(2, seed=8).inputs_PL.tolist(),
    "easy": generate.easy(2, seed=8).inputs_PL.tolist(),
}
climb(stream(8, 0, 0), stack, 4, 100, grid, masks, guesses)
result["climbed"] = [masks.tolist(), grid.tolist(), guesses.tolist()]
print(json.dumps(result))
"""


def kernels(environment: dict[str, str]) -> dict:
    run = subprocess.run(
        [sys.executable, "-c", KERNELS],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def test_a_climb_without_numba_ends_in_a_minimal_puzzle_of_its_grid():
    plain = kernels({"HRM_RL_NO_NUMBA": "1"})
    assert not plain["numba"]
    assert plain["minimal"] == generate.minimal(2, seed=8).inputs_PL.tolist()
    assert plain["easy"] == generate.easy(2, seed=8).inputs_PL.tolist()
    masks, grid, guesses = plain["climbed"]
    digits_L = np.array([0 if mask == 511 else mask.bit_length() for mask in masks])
    first, proof = rate(digits_L[None])
    assert NINE.is_solution(digits_L, np.array(grid))
    assert guesses == [first[0], proof[0]] and proof[0] >= 4
    for cell in np.flatnonzero(digits_L):
        assert count(np.where(np.arange(81) == cell, 0, digits_L), 9) == 2


@pytest.mark.slow
def test_a_climb_is_the_same_with_numba_and_without():
    plain, compiled = kernels({"HRM_RL_NO_NUMBA": "1"}), kernels({"HRM_RL_NO_NUMBA": ""})
    assert compiled.pop("numba") and not plain.pop("numba")
    assert plain == compiled
