"""The count of solutions that splits share, on sets whose grids are known copies."""

from types import ModuleType

import numpy as np
import pytest
from loading import module_of

from hrm_rl.puzzles import PuzzleSet, Sudoku, concat, load


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return module_of("shared_classes")


def turned(puzzles: PuzzleSet) -> PuzzleSet:
    """Digits one further, rows of the first band exchanged: other puzzles of the same classes."""
    order = np.arange(81).reshape(9, 9)[[1, 0, *range(2, 9)]].ravel()
    moved = concat([puzzles])
    for digits_PL in (moved.inputs_PL, moved.solutions_PL):
        values_PL = digits_PL.astype(int) - 1
        digits_PL[:] = np.where(values_PL > 0, values_PL % 9 + 2, 1)[:, order]
    return moved


def test_moved_copies_share_their_class_and_others_do_not(script: ModuleType) -> None:
    puzzles = load("sudoku9_easy", "test")
    first, second = puzzles.take(np.arange(3)), puzzles.take(np.arange(3, 5))
    copies = turned(first.take(np.arange(2)))
    game = Sudoku(9)
    assert not np.array_equal(game.values(copies.solutions_PL), game.values(first.solutions_PL)[:2])
    found = script.shared({"train": first, "fit": second, "test": copies})
    assert (found["train"], found["fit"], found["test"], found["all"]) == (3, 2, 2, 5)
    assert (found["fit, train"], found["test, train"], found["fit, test"]) == (0, 2, 0)
    assert (found["fit puzzles"], found["test puzzles"]) == (0, 2)


def test_there_are_two_grids_of_four_by_four_and_all_splits_have_both(script: ModuleType) -> None:
    splits = {split: load("sudoku4", split) for split in ("train", "fit", "test")}
    found = script.shared(splits)
    assert found["train"] == found["fit, test"] == found["all"] == 2
    assert found["test puzzles"] == 1000
    assert script.row("sudoku4", found, splits) == (
        "| sudoku4 | 2 | 2 | 2 | 2 | 2 | 2 | 2 | 336 of 336 | 1000 of 1000 |"
    )
