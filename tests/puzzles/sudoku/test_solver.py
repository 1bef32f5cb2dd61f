"""The plain solver: counts solutions right, finds the answers, and explains bad puzzles."""

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleError, Sudoku, load
from hrm_rl.puzzles.rng import stream
from hrm_rl.puzzles.sudoku.solver import check, count, solve


def test_there_are_288_grids_of_four_by_four():
    found, _ = solve(np.zeros(16, dtype=np.uint8), 4, limit=1000)
    assert len({bytes(grid_L) for grid_L in found}) == 288
    assert all(Sudoku(4).is_solution(np.zeros(16), grid_L) for grid_L in found)


@pytest.mark.parametrize("size", [4, 6, 9])
def test_an_empty_grid_has_as_many_solutions_as_one_asks_for(size):
    empty_L = np.zeros(size * size, dtype=np.uint8)
    assert [count(empty_L, size, limit) for limit in (1, 2, 5)] == [1, 2, 5]
    grids = [bytes(solve(empty_L, size, 1, stream(0, 0, i))[0][0]) for i in range(3)]
    assert len(set(grids)) == 3  # random where a generator is given


@pytest.mark.parametrize("kind", ["easy", "minimal", "hard"])
def test_it_finds_the_shipped_answers(kind):
    puzzles, game = load(f"sudoku9_{kind}", "fit").take(range(20)), Sudoku(9)
    for puzzle_L, answer_L in zip(
        game.values(puzzles.inputs_PL), game.values(puzzles.solutions_PL), strict=True
    ):
        found, _ = solve(puzzle_L, 9)
        assert len(found) == 1 and np.array_equal(found[0], answer_L)


def test_check_returns_the_solution_of_a_typed_puzzle():
    text = "1... 34.. ...3 ..2."
    assert "".join(map(str, check(text, size=4))) == "1234341221434321"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.", "16 characters, got 2"),
        ("z" + "." * 15, "character 1 must be '.' or a digit from 0 to 4, got 'z'"),
        ("11" + "." * 14, "digit 1 appears 2 times in row 1"),
        ("2...2" + "." * 11, "digit 2 appears 2 times in column 1"),
        ("3....3" + "." * 10, "digit 3 appears 2 times in box 1"),
        ("123....4........", "no solution; check the givens"),
        ("1" + "." * 15, "several solutions"),
    ],
)
def test_check_explains_each_kind_of_bad_puzzle_in_one_sentence(text, message):
    with pytest.raises(PuzzleError, match=message) as error:
        check(text, size=4)
    assert "\n" not in str(error.value)
