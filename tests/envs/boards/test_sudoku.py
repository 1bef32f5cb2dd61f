"""What is wrong in a Sudoku: a disc where it breaks a rule, a ring where only the solution tells."""

import gymnasium
import numpy as np
import pytest
from boards import GIVENS, SOLVED, digits, frame

from hrm_rl.banks.files import read_bank
from hrm_rl.envs.render import draw

GIVEN, RIGHT = digits(GIVENS[4]), digits(SOLVED[4])
SWAPPED = RIGHT[[4, 5, 6, 7, 0, 1, 2, 3, *range(8, 16)]]  # two rows of one band: no rule is broken


def test_wrong_is_what_differs_from_a_solution_that_is_there() -> None:
    blank = np.zeros(16, int)
    assert not frame(givens_L=blank, cells_L=SWAPPED).wrong().any()
    seen = frame(givens_L=blank, cells_L=SWAPPED, solution_L=RIGHT)
    assert np.flatnonzero(seen.wrong()).tolist() == list(range(8)) and not seen.broken().any()
    given = frame(
        givens_L=GIVEN, cells_L=blank, solution_L=RIGHT
    )  # a given is shown where there is no digit
    assert np.flatnonzero(~given.wrong()).tolist() == np.flatnonzero(GIVEN).tolist()
    with pytest.raises(ValueError, match="solution_L must be flat"):
        frame(givens_L=GIVEN, cells_L=RIGHT, solution_L=RIGHT[:8])


def test_wrong_cells_are_ringed_and_right_ones_are_not() -> None:
    blank = np.zeros(16, int)
    plain = draw(frame(givens_L=blank, cells_L=SWAPPED))
    ringed = draw(frame(givens_L=blank, cells_L=SWAPPED, solution_L=RIGHT))
    assert np.array_equal(plain, draw(frame(givens_L=blank, cells_L=SWAPPED, solution_L=SWAPPED)))
    rows = np.flatnonzero((plain != ringed).any((1, 2)))
    top, height = 56 * len(plain) / 640, 432 * len(plain) / 640
    assert top <= rows.min() and rows.max() < top + height / 2  # the upper two of four rows


def test_another_right_answer_has_no_rings() -> None:
    fields = {"givens_L": np.zeros(16, int), "cells_L": SWAPPED, "solution_L": RIGHT}
    assert frame(**fields, correct=False).wrong().any()
    assert not frame(**fields, correct=True).wrong().any()


def test_an_environment_tells_at_the_end_alone() -> None:
    bank = read_bank("sudoku9-fit")
    env = gymnasium.make("hrm_rl:HRMSudokuBank-v0", render_mode="rgb_array").unwrapped
    number = int(np.flatnonzero(~bank.correct_MP[0].numpy())[0])
    env.reset(options={"puzzle": number})
    assert env.frame().solution_L is None  # type: ignore[attr-defined]
    env.step(1)
    over = env.frame()  # type: ignore[attr-defined]
    assert over.correct is False and over.wrong().any()
    values = over.rules.values(bank.puzzles.solutions_PL[number])  # type: ignore[union-attr]
    assert over.solution_L.tolist() == values.tolist()
