"""Canonical forms of 9x9 puzzles: one per class of symmetric ones."""

import numpy as np
import torch

from hrm_rl.puzzles import Sudoku
from hrm_rl.puzzles.sudoku import generate
from hrm_rl.puzzles.sudoku.augment import augment
from hrm_rl.puzzles.sudoku.classes import canonical9

NINE = Sudoku(9)


def copies(puzzles, seed):
    """Puzzles and answers, in digits, each after a random symmetry."""
    generator = torch.Generator().manual_seed(seed)
    inputs, answers = torch.tensor(puzzles.inputs_PL), torch.tensor(puzzles.solutions_PL)
    moved = augment(inputs, answers, 9, generator)
    return tuple(NINE.values(tokens.numpy()) for tokens in moved)


def test_a_moved_and_renamed_puzzle_keeps_its_form():
    puzzles = generate.minimal(40, seed=3)
    forms_PL = canonical9(NINE.values(puzzles.inputs_PL), NINE.values(puzzles.solutions_PL))
    for seed in range(5):
        moved_PL, answers_PL = copies(puzzles, seed)
        assert (moved_PL != NINE.values(puzzles.inputs_PL)).any(axis=1).all()
        assert np.array_equal(canonical9(moved_PL, answers_PL), forms_PL)


def test_a_form_is_a_copy_of_its_puzzle():
    puzzles = generate.minimal(10, seed=4)
    digits_PL = NINE.values(puzzles.inputs_PL)
    forms_PL = canonical9(digits_PL, NINE.values(puzzles.solutions_PL))
    for digits_L, form_L in zip(digits_PL, forms_PL, strict=True):
        kinds = [np.sort(np.bincount(d, minlength=10)[1:]) for d in (digits_L, form_L)]
        assert np.array_equal(*kinds)
        assert not NINE.violations(form_L).any()


def test_other_puzzles_have_other_forms():
    """Of one grid too: the clues tell them apart."""
    puzzles = generate.minimal(60, seed=5)
    digits_PL, answers_PL = NINE.values(puzzles.inputs_PL), NINE.values(puzzles.solutions_PL)
    shown_PL = answers_PL.copy()
    shown_PL[:, 40] = 0
    both = canonical9(np.concatenate([digits_PL, shown_PL]), np.concatenate([answers_PL] * 2))
    assert len(np.unique(both, axis=0)) == 120


def test_a_grid_that_moves_onto_itself_has_one_form_wherever_a_clue_is_hidden():
    """Moving bands, rows, stacks or columns on by one renames its digits: any cell can go to any."""
    r, c = np.divmod(np.arange(81), 9)
    answer_L = (3 * ((c // 3 + r) % 3) + (c + r // 3) % 3 + 1).astype(np.uint8)
    assert NINE.is_solution(answer_L, answer_L)
    puzzles_PL = np.stack([np.where(np.arange(81) == cell, 0, answer_L) for cell in range(81)])
    forms_PL = canonical9(puzzles_PL, np.tile(answer_L, (81, 1)))
    assert len(np.unique(forms_PL, axis=0)) == 1
