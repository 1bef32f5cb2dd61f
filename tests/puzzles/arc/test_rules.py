"""ARC boards: how a grid is written on them and read again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.puzzles.arc.rules import EOS, Arc, arc_of
from hrm_rl.puzzles.task import PuzzleError

SIDE = 7
BOARD = Arc(SIDE)


def grids(side: int = SIDE) -> st.SearchStrategy[np.ndarray]:
    shapes = st.tuples(st.integers(1, side), st.integers(1, side))
    return shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape, elements=st.integers(0, 9)))


def public_crop(tokens_L: np.ndarray, side: int) -> np.ndarray:
    """The largest rectangle of colours from the first cell on, found by trying all of them."""
    board = tokens_L.reshape(side, side)
    sizes = [(r, c) for r in range(1, side + 1) for c in range(1, side + 1)]
    whole = [(r, c) for r, c in sizes if (board[:r, :c] >= 2).all()]
    rows, columns = max(whole, key=lambda size: (size[0] * size[1], -size[0]), default=(0, 0))
    return board[:rows, :columns] - np.uint8(2)


def test_a_board_by_hand() -> None:
    board = Arc(4)
    tokens_L = board.board(np.array([[0, 3, 9], [1, 1, 1]], np.uint8))
    assert board.format(tokens_L) == "039|111||||....."
    shifted_L = board.board(np.array([[5]], np.uint8), top=3, left=1)
    assert board.format(shifted_L) == ".............5|."
    assert board.pretty(tokens_L) == "0 3 9\n1 1 1"


def test_a_full_board_has_no_room_for_its_end() -> None:
    tokens_L = BOARD.board(np.zeros((SIDE, SIDE), np.uint8))
    assert (tokens_L == 2).all()


@given(grids(), st.data())
def test_what_is_written_is_read(grid: np.ndarray, data: st.DataObject) -> None:
    top = data.draw(st.integers(0, SIDE - grid.shape[0]))
    left = data.draw(st.integers(0, SIDE - grid.shape[1]))
    tokens_L = BOARD.board(grid, top, left)
    assert BOARD.corner(tokens_L) == (top, left)
    assert (BOARD.grid(tokens_L, top, left) == grid).all()
    assert (BOARD.parse(BOARD.format(tokens_L)) == tokens_L).all()
    assert BOARD.solved(tokens_L[None], tokens_L[None]).all()
    assert not BOARD.broken(tokens_L, tokens_L).any()


@given(hnp.arrays(np.uint8, SIDE * SIDE, elements=st.sampled_from([0, 1, 2, 2, 2, 2, 2, 5])))
def test_any_answer_is_cropped_as_the_public_evaluation_does(tokens_L: np.ndarray) -> None:
    assert np.array_equal(BOARD.grid(tokens_L), public_crop(tokens_L, SIDE))


def test_an_answer_without_a_first_cell_has_no_grid() -> None:
    tokens_L = BOARD.board(np.ones((2, 2), np.uint8), top=1)
    assert BOARD.grid(tokens_L).shape == (0, 0)
    assert BOARD.pretty(tokens_L) == "(no grid)"
    assert not BOARD.broken(BOARD.board(np.ones((2, 2), np.uint8)), tokens_L).any()


def test_ends_that_are_missing_are_broken() -> None:
    given_L = BOARD.board(np.zeros((2, 3), np.uint8))
    cells_L = given_L.copy()
    cells_L[[1 * SIDE + 3, 2 * SIDE + 1, 5 * SIDE + 5]] = 4  # right, below, and out of sight
    assert np.flatnonzero(BOARD.broken(given_L, cells_L)).tolist() == [10, 15]


def test_a_board_with_a_hole_solves_nothing() -> None:
    grid = np.ones((3, 3), np.uint8)
    whole_L, hole_L = BOARD.board(grid), BOARD.board(grid)
    hole_L[SIDE + 1] = EOS
    moved_L = BOARD.board(grid, top=1)
    boards_PL = np.stack([whole_L, hole_L, moved_L, moved_L])
    puzzles_PL = np.stack([whole_L, whole_L, whole_L, moved_L])
    assert BOARD.solved(puzzles_PL, boards_PL).tolist() == [True, False, False, True]


@pytest.mark.parametrize("board", [Arc(), Arc(12), Arc(30, 300), Arc(9, 0)])
def test_tasks_are_known_by_name(board: Arc) -> None:
    assert arc_of(board.task) == board
    assert board.length == board.rows * board.columns == board.side**2
    assert board.vocab == 12


def test_the_published_name() -> None:
    assert (Arc().task, Arc(10, 7).task) == ("arc30", "arc10x7")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Arc(31), "3 to 30"),
        (lambda: Arc(9, -1), "variants"),
        (lambda: arc_of("arcx7"), "named as in"),
        (lambda: arc_of("maze10"), "named as in"),
        (lambda: Arc(3).parse("012"), "9 characters, got 3"),
        (lambda: Arc(3).parse("01234567x"), "character 9"),
        (lambda: Arc(3).board(np.zeros((2, 4), np.uint8)), "2x4 does not fit"),
        (lambda: Arc(3).board(np.zeros((2, 2), np.uint8), top=2), "from row 2"),
    ],
)
def test_what_is_refused(act: object, message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        act()  # type: ignore[operator]
