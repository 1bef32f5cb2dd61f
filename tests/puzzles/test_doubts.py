"""Sets of which each puzzle is right, and the set is not: repeats, several solutions, taught puzzles."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_run

from hrm_rl.puzzles import doubts, files
from hrm_rl.puzzles.sets import PuzzleSet, concat
from hrm_rl.puzzles.sudoku import rating
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.training.train import TrainState

SHIPPED = files.load("sudoku4", "test").take(range(12))


def written(puzzles: PuzzleSet, path: Path) -> str:
    files.write_csv(path, puzzles)
    return str(path)


def loosened(puzzles: PuzzleSet) -> PuzzleSet:
    """The same without their last givens, which leaves several solutions; the answers stay."""
    inputs_PL = puzzles.inputs_PL.copy()
    game = Sudoku(4)
    for row_L in inputs_PL:
        row_L[np.flatnonzero(game.values(row_L[None])[0])[2:]] = game.tokens(np.zeros(1, np.uint8))
    return PuzzleSet(
        puzzles.task, inputs_PL, puzzles.solutions_PL, puzzles.ratings_P, puzzles.sources
    )


def said_of(name: str, puzzles: PuzzleSet, taught: tuple[str, ...] = ()) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        doubts.warn_of(name, puzzles, taught)
    return [str(one.message) for one in caught]


def test_a_set_in_order_is_passed_in_silence(tmp_path: Path) -> None:
    name = written(SHIPPED, tmp_path / "mine.csv")
    assert said_of(name, files.read(name)) == []


def test_one_puzzle_again_and_again_is_told(tmp_path: Path) -> None:
    name = written(concat([SHIPPED.take([3])] * 9), tmp_path / "mine.csv")
    assert said_of(name, files.read(name)) == [f"{name} has 9 puzzles, 1 of them distinct"]


def test_several_solutions_are_told(tmp_path: Path) -> None:
    both = concat([SHIPPED.take(range(6)), loosened(SHIPPED.take(range(6)))])
    name = written(both, tmp_path / "mine.csv")
    (said,) = said_of(name, files.read(name))
    assert "several solutions (6 of 12 looked at)" in said


def test_the_count_is_that_of_the_other_solver() -> None:
    game, hard = Sudoku(9), files.load("sudoku9_easy", "test").take(range(20))
    inputs_PL = hard.inputs_PL.copy()
    blank = game.tokens(np.zeros(1, np.uint8))
    for number, row_L in enumerate(inputs_PL):  # 0 to 9 givens fewer
        row_L[np.flatnonzero(game.values(row_L[None])[0])[: number // 2]] = blank
    less = PuzzleSet(hard.task, inputs_PL, hard.solutions_PL, hard.ratings_P, hard.sources)
    _, found_P = rating.solve_all(game.values(inputs_PL))
    assert 0 < (found_P > 1).sum() < 20
    assert doubts.several(less) == ((found_P > 1).sum(), 20)


def test_puzzles_that_were_trained_on_are_told(tmp_path: Path) -> None:
    name = written(SHIPPED, tmp_path / "test.csv")
    train = written(SHIPPED.take(range(5)), tmp_path / "train.csv")
    gone = str(tmp_path / "gone.csv")
    (said,) = said_of(name, files.read(name), (train, gone, "sudoku4:100:7"))
    assert said.endswith("has puzzles that the model was trained on (5 of 12)")
    assert doubts.shared(files.load("sudoku4", "train").take(range(7)), ["sudoku4"]) == 7


@pytest.mark.parametrize("data", [None, 3, "sudoku4", {"sudoku4": 1}, [3, [], [1, "sudoku4"]]])
def test_whatever_lies_beside_weights_is_read(data: Any) -> None:
    assert doubts.taught({"data": data}) == []
    assert doubts.taught({}) == [] and doubts.taught({"data": [["sudoku4", 1.0]]}) == ["sudoku4"]


def test_what_ships_and_what_is_made_here_is_not_asked() -> None:
    assert said_of("sudoku4", concat([SHIPPED.take([0])] * 4)) == []
    assert said_of("easy:4:7", SHIPPED) == []


def test_training_says_so_too(tmp_path: Path) -> None:
    name = written(concat([SHIPPED.take([3])] * 4), tmp_path / "mine.csv")
    with pytest.warns(UserWarning, match="4 puzzles, 1 of them distinct"):
        TrainState.create(tiny_run(data=((name, 1.0),)))
