"""Canonical forms: one per class of symmetric puzzles."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError, Sudoku, load
from hrm_rl.puzzles.sudoku import generate
from hrm_rl.puzzles.sudoku.solver import solve
from hrm_rl.puzzles.sudoku.symmetry import canonical, geometric


@pytest.mark.parametrize(("size", "moves"), [(4, 128), (6, 3456)])
def test_moves_are_a_group_that_keeps_units_together(size, moves):
    cells_GL = geometric(size)
    assert len(np.unique(cells_GL, axis=0)) == moves
    units = {frozenset(unit) for unit in Sudoku(size).units.tolist()}
    for cells_L in cells_GL[:: moves // 16]:
        assert {frozenset(cells_L[list(unit)].tolist()) for unit in units} == units
    twice_L = cells_GL[-1][cells_GL[1]]
    assert (cells_GL == twice_L).all(axis=1).any()


def test_there_are_two_grids_of_four_by_four():
    grids_PL = np.stack(solve(np.zeros(16, dtype=np.uint8), 4, limit=288)[0])
    assert len(np.unique(canonical(grids_PL, 4), axis=0)) == 2


@pytest.mark.parametrize("size", [4, 6])
@settings(max_examples=20)
@given(data=st.data())
def test_a_moved_and_renamed_puzzle_keeps_its_form(size, data):
    puzzle_L = Sudoku(size).values(puzzles(size).inputs_PL)[data.draw(st.integers(0, 2))]
    move = data.draw(st.integers(0, len(geometric(size)) - 1))
    names = np.array([0, *data.draw(st.permutations(range(1, size + 1)))], dtype=np.uint8)
    moved_L = names[puzzle_L[geometric(size)[move]]]
    assert np.array_equal(*canonical(np.stack([puzzle_L, moved_L]), size))


@cache
def puzzles(size):
    return load("sudoku4", "fit") if size == 4 else generate.small(6, 3, seed=3)


def test_other_puzzles_have_other_forms():
    one, other = Sudoku(4).parse("12.." + "." * 12), Sudoku(4).parse("1.2." + "." * 12)
    assert not np.array_equal(*canonical(np.stack([one, other]), 4))


def test_nine_by_nine_is_refused():
    with pytest.raises(PuzzleError, match="sizes 4 and 6 only, got 9"):
        canonical(np.zeros((1, 81)), 9)
