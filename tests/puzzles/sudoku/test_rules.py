"""The rules: units, text, tokens, violations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError, Sudoku, for_length, task_of

SIZES = (4, 6, 9)
FOUR = Sudoku(4)
SOLVED = FOUR.parse("1234 3412 2143 4321")


def test_units_by_hand():
    assert FOUR.units[0].tolist() == [0, 1, 2, 3]
    assert FOUR.units[4].tolist() == [0, 4, 8, 12]
    assert FOUR.units[8].tolist() == [0, 1, 4, 5]
    assert Sudoku(6).units[12].tolist() == [0, 1, 2, 6, 7, 8]  # two rows, three columns
    assert Sudoku(9).units[-1].tolist() == [60, 61, 62, 69, 70, 71, 78, 79, 80]


@pytest.mark.parametrize("size", SIZES)
def test_every_cell_lies_in_one_row_one_column_and_one_box(size):
    units = Sudoku(size).units
    assert units.shape == (3 * size, size)
    assert (np.bincount(units.ravel()) == 3).all()
    with pytest.raises(ValueError, match="read-only"):
        units[0, 0] = 1  # shared by all callers


@given(
    st.sampled_from(SIZES).flatmap(
        lambda n: st.lists(st.integers(0, n), min_size=n * n, max_size=n * n)
    )
)
def test_text_and_tokens_keep_the_digits(digits):
    game = for_length(len(digits))
    digits_L = np.array(digits, dtype=np.uint8)
    assert np.array_equal(game.parse(game.format(digits_L)), digits_L)
    tokens_L = game.tokens(digits_L)
    assert tokens_L.min() >= 1 and tokens_L.max() < game.vocab
    assert np.array_equal(game.values(tokens_L), digits_L)


def test_tokens_are_the_official_ones():
    assert FOUR.tokens([0, 1, 4]).tolist() == [1, 2, 5]
    assert FOUR.values([0, 1, 2, 5]).tolist() == [0, 0, 1, 4]  # PAD reads as a blank
    assert (Sudoku(9).vocab, Sudoku(9).length) == (11, 81)


def test_pretty_sets_the_boxes_apart():
    assert FOUR.pretty(FOUR.parse("1...|.2..|..3.|...4".replace("|", ""))) == (
        " 1 . | . . \n . 2 | . . \n-----+-----\n . . | 3 . \n . . | . 4 "
    )


def test_violations_mark_all_cells_that_share_a_digit():
    digits_L = FOUR.parse("1..1 .... 2... .1..")  # 1 and 1 share a row; the third 1 is alone
    assert np.flatnonzero(FOUR.violations(digits_L)).tolist() == [0, 3]
    assert not FOUR.violations(SOLVED).any()
    box_L = FOUR.parse("3... .3.. .... ....")
    assert np.flatnonzero(FOUR.violations(box_L)).tolist() == [0, 5]


@given(st.integers(0, 15), st.integers(1, 4))
def test_a_changed_cell_violates_and_is_no_solution(cell, digit):
    digits_L = SOLVED.copy()
    digits_L[cell] = digit
    same = digit == SOLVED[cell]
    assert FOUR.violations(digits_L)[cell] == (not same)
    assert FOUR.is_solution(np.zeros(16), digits_L) == same


def test_a_solution_keeps_the_givens_and_leaves_no_blank():
    other = FOUR.parse("2134 3412 1243 4321")
    assert FOUR.is_solution(SOLVED * (SOLVED > 2), SOLVED)
    assert not FOUR.is_solution(other, SOLVED)
    assert not FOUR.is_solution(np.zeros(16), SOLVED * (SOLVED > 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sudoku(5), r"size must be one of \[4, 6, 9\], got 5"),
        (
            lambda: task_of("sudoku8"),
            r"size must be one of \[4, 6, 9\], got 8",
        ),
        (lambda: task_of("sudoku"), r'its kind \(sudoku.*\) and its size.* got "sudoku"'),
        (lambda: task_of("chess8"), r'its kind \(sudoku.*\) and its size.* got "chess8"'),
        (lambda: for_length(80), "16, 36, 81 cells, got 80"),
        (lambda: FOUR.parse("12"), "16 characters, got 2; write it row by row"),
        (
            lambda: FOUR.parse("." * 15 + "5"),
            "character 16 must be '.' or a digit from 0 to 4, got '5'",
        ),
        (lambda: FOUR.parse("é" + "." * 15), "character 1 must be .*got 'é'"),
    ],
)
def test_errors_say_what_and_got(make, message):
    with pytest.raises(PuzzleError, match=message):
        make()


@pytest.mark.parametrize("size", SIZES)
def test_a_task_and_a_length_name_the_same_rules(size):
    game = Sudoku(size)
    assert task_of(game.task) == for_length(game.length) == game
    assert game.box_rows * game.box_cols == size
