"""ARC's symmetries: each can be taken back, and none comes twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.puzzles.arc.symmetry import (
    IDENTITY,
    INVERSE,
    Symmetry,
    distinct,
    split_name,
    symmetries,
    turned,
)
from hrm_rl.puzzles.task import PuzzleError

GRIDS = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 9)
)
PUBLIC = [
    lambda grid: grid,
    lambda grid: np.rot90(grid, 1),
    lambda grid: np.rot90(grid, 2),
    lambda grid: np.rot90(grid, 3),
    np.fliplr,
    np.flipud,
    np.transpose,
    lambda grid: np.fliplr(np.rot90(grid, 1)),
]
"""The public code's turns in the words of numpy."""


@given(GRIDS)
def test_turns_have_the_numbers_of_the_public_code(grid: np.ndarray) -> None:
    for turn, public in enumerate(PUBLIC):
        assert np.array_equal(turned(grid, turn), public(grid))
        assert np.array_equal(turned(turned(grid, turn), INVERSE[turn]), grid)


@given(GRIDS, st.integers(0, 300))
def test_taking_back_a_symmetry(grid: np.ndarray, k: int) -> None:
    symmetry = symmetries(300)[k]
    assert np.array_equal(symmetry.undo(symmetry.apply(grid)), grid)
    assert np.array_equal(symmetry.apply(symmetry.undo(grid)), grid)


@given(GRIDS, st.integers(0, 300))
def test_the_background_stays_and_colours_are_kept_apart(grid: np.ndarray, k: int) -> None:
    varied = symmetries(300)[k].apply(grid)
    assert (varied == 0).sum() == (grid == 0).sum()
    assert sorted(np.unique(varied, return_counts=True)[1]) == sorted(
        np.unique(grid, return_counts=True)[1]
    )


def test_symmetries_are_all_different_and_begin_alike() -> None:
    every = symmetries(1000)
    assert len(every) == len(set(every)) == 1001
    assert every[0] == IDENTITY
    assert [symmetry.turn for symmetry in every[:8]] == list(range(8))
    assert {symmetry.colours for symmetry in every[:8]} == {IDENTITY.colours}
    assert symmetries(300) == every[:301]


def test_symmetries_are_the_same_for_ever() -> None:
    """Weights know a variant by its number; another order would make them worthless."""
    assert [symmetry.name for symmetry in symmetries(10)[8:]] == [
        "t1_0765421389",
        "t2_0482197356",
        "t2_0973846125",
    ]


@pytest.mark.parametrize(
    ("name", "task", "symmetry"),
    [
        ("007bbfb7", "007bbfb7", IDENTITY),
        ("007bbfb7_t3_0213456789", "007bbfb7", Symmetry(3, (0, 2, 1, *range(3, 10)))),
        ("Above_Below1|||t6|||0123456789", "Above_Below1", Symmetry(6, IDENTITY.colours)),
        ("my_own_task", "my_own_task", IDENTITY),
    ],
)
def test_names_of_the_public_data(name: str, task: str, symmetry: Symmetry) -> None:
    assert split_name(name) == (task, symmetry)
    assert split_name(f"{task}_{symmetry.name}") == (task, symmetry)


def test_a_task_of_one_colour_has_few_variants() -> None:
    square = np.array([[3, 0], [0, 3]], np.uint8)
    # Two ways to look at it (the diagonal or the other one), nine names for its colour.
    assert len(distinct([square], 3000)) == 2 * 9
    assert distinct([square], 7) == [0, 1]
    assert len(distinct([np.arange(9, dtype=np.uint8).reshape(3, 3)], 500)) == 501
    with pytest.raises(PuzzleError, match="at least one grid"):
        distinct([], 7)
