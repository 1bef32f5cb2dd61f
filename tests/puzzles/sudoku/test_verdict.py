"""Answers that check themselves: against the rules in numpy."""

import numpy as np
import pytest
import torch

from hrm_rl.puzzles import load, task_of
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.sudoku.verdict import check_verifies, verified


@pytest.mark.parametrize("name", ["sudoku4", "sudoku6", "sudoku9_easy"])
def test_answers_verify_where_the_rules_say_so(name: str) -> None:
    puzzles, rng = load(name, "fit").take(range(60)), np.random.default_rng(0)
    game = check_verifies(task_of(puzzles.task))
    answers = puzzles.solutions_PL.copy()
    for row in range(20, 60):  # a cell changed, to a digit, a blank or PAD; then two exchanged
        cell = rng.integers(game.length, size=2)
        if row < 40:
            answers[row, cell[0]] = rng.integers(game.vocab)
        else:
            answers[row, cell] = answers[row, cell[::-1]]
    wanted = game.solved(game.values(puzzles.inputs_PL), game.values(answers))
    found = verified(game, torch.from_numpy(puzzles.inputs_PL), torch.from_numpy(answers))
    assert found.tolist() == wanted.tolist() and found[:20].all() and not found[20:].all()


def test_a_filled_grid_that_overwrites_a_given_does_not_verify() -> None:
    one, other = load("sudoku4", "fit").take([0]), load("sudoku4", "fit").take([1])
    x, y = torch.from_numpy(one.inputs_PL), torch.from_numpy(other.solutions_PL)
    assert not verified(Sudoku(4), x, y).any() and verified(Sudoku(4), torch.ones_like(x), y).all()


def test_nothing_is_read_from_the_device() -> None:
    x = torch.ones(2, 81, dtype=torch.long, device="meta")
    assert verified(Sudoku(9), x, x).shape == (2,)


def test_what_does_not_check_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="copies are of Sudoku, which checks itself, got maze8"):
        check_verifies(task_of("maze8"))
