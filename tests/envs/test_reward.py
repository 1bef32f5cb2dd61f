"""Rewards, by hand."""

import pytest
import torch

from hrm_rl.envs.reward import REWARDS, outcome
from hrm_rl.puzzles import Sudoku

PREDICTION = torch.tensor(
    [[2, 3, 4, 5], [2, 3, 4, 4], [5, 5, 5, 5], [2, 3, 9, 9]], dtype=torch.uint8
)
SOLUTION = torch.tensor([[2, 3, 4, 5], [2, 3, 4, 5], [2, 3, 4, 2], [2, 3, 0, 0]], dtype=torch.uint8)

PUZZLE = torch.ones(4, 4, dtype=torch.uint8)


def test_exact_pays_for_the_whole_solution_only() -> None:
    paid = REWARDS["exact"](outcome(Sudoku(4), PUZZLE, PREDICTION, SOLUTION))
    assert paid.tolist() == [1, 0, 0, 1]  # padding (0) isn't asked for


def test_by_the_rules_is_exact_where_there_is_one_solution() -> None:
    found = outcome(Sudoku(4), PUZZLE, PREDICTION, SOLUTION)
    assert REWARDS["valid_optimal"](found).tolist() == [1, 0, 0, 1]


def test_token_accuracy_pays_for_each_scored_cell() -> None:
    found = outcome(Sudoku(4), PUZZLE, PREDICTION, SOLUTION)
    assert REWARDS["token_accuracy"](found).tolist() == [1, 0.75, 0, 1]


@pytest.mark.parametrize("name", REWARDS)
def test_a_row_without_scored_cells_earns_nothing(name: str) -> None:
    padding = torch.zeros(1, 4, dtype=torch.uint8)
    assert REWARDS[name](outcome(Sudoku(4), padding, padding, padding)).tolist() == [0]
