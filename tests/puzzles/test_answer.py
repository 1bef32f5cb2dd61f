"""The answers of puzzles that somebody wrote down: those that the sets store, and refusals."""

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleError, task_of
from hrm_rl.puzzles.answer import answer
from hrm_rl.puzzles.source import source


@pytest.mark.parametrize("name", ["sudoku4", "maze8", "parity8:8:0", "life6:8:0"])
def test_stored_answers_are_found_again(name):
    puzzles = source(name, "test").take(range(8))
    task = task_of(puzzles.task)
    for x_L, y_L in zip(puzzles.inputs_PL, puzzles.solutions_PL, strict=True):
        found_L = answer(task, task.format(task.values(x_L)))
        assert np.array_equal(found_L, task.values(y_L))


def test_queens_are_completed_by_the_rules():
    puzzles = source("queens6:8:0", "test")
    task = task_of(puzzles.task)
    for x_L in puzzles.inputs_PL:
        givens_L = task.values(x_L)
        assert task.solved(givens_L[None], answer(task, task.format(givens_L))[None]).all()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("maze2", "S##G", "maze2 has no solution"),
        ("maze2", "SS G", "one S, one G and no o, got 2 S, 1 G and 0 o"),
        ("maze2", "SoG ", "got 1 S, 1 G and 1 o"),
        ("queens4", "Q...Q...........", "queens4 has no solution"),
        ("arc4", "0" * 16, "no solver of arc"),
    ],
)
def test_what_has_no_answer_is_refused(name, text, message):
    with pytest.raises(PuzzleError, match=message):
        answer(task_of(name), text)
