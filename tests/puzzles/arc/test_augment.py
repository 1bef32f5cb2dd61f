"""ARC puzzles varied in a batch: the same as grid by grid, and without a host read."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.puzzles.arc.augment import vary
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.arc.symmetry import symmetries
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import PuzzleError

SIDE = 6
GRIDS = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, SIDE), st.integers(1, SIDE)), elements=st.integers(0, 9)
)


def batch(board: Arc, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Augmented:
    x_BL, y_BL = (
        np.stack([board.board(grid) for grid in grids]) for grids in zip(*pairs, strict=True)
    )
    id_B = torch.arange(len(pairs)) * (board.variants + 1) + 1
    return Augmented(torch.from_numpy(x_BL).long(), torch.from_numpy(y_BL).long(), id_B)


@given(st.lists(st.tuples(GRIDS, GRIDS), min_size=1, max_size=5), st.sampled_from([0, 7, 60]))
def test_a_varied_board_is_the_board_of_the_varied_grid(
    pairs: list[tuple[np.ndarray, np.ndarray]], variants: int
) -> None:
    board = Arc(SIDE, variants)
    dealt = batch(board, pairs)
    varied = vary(board, dealt, torch.Generator().manual_seed(0))
    for i, pair in enumerate(pairs):
        k = int(varied.id_B[i] - dealt.id_B[i])
        assert 0 <= k <= variants
        x_L, y_L = varied.x_BL[i].numpy(), varied.y_BL[i].numpy()
        corner = board.corner(x_L)
        for tokens_L, grid in zip((x_L, y_L), pair, strict=True):
            assert (tokens_L == board.board(symmetries(variants)[k].apply(grid), *corner)).all()


def test_a_shifted_board_may_be_varied_again() -> None:
    board, grid = Arc(SIDE, 7), np.array([[1, 2, 3]], np.uint8)
    x_BL = torch.from_numpy(np.stack([board.board(grid, 2, 1)] * 64)).long()
    new_BL, _, id_B = vary(board, Augmented(x_BL, x_BL, torch.ones(64, dtype=torch.long)))
    for tokens_L, k in zip(new_BL.numpy(), (id_B - 1).tolist(), strict=True):
        varied = symmetries(7)[k].apply(grid)
        assert (tokens_L == board.board(varied, *board.corner(tokens_L))).all()


def test_every_variant_and_every_place_is_drawn() -> None:
    board, pair = Arc(3, 7), (np.array([[4]], np.uint8), np.array([[5], [5]], np.uint8))
    dealt = batch(board, [pair] * 4000)
    dealt = dealt._replace(id_B=torch.ones_like(dealt.id_B))
    new_BL, _, new_id_B = vary(board, dealt, torch.Generator().manual_seed(0))
    assert torch.bincount(new_id_B)[1:].min() > 400  # 500 expected of each, deviation 21
    places_L = (new_BL > 1).sum(0).view(3, 3)
    # Upright (half of them) the answer leaves 2 x 3 places, lying 3 x 2; a quarter stays in place.
    assert (places_L > 0).sum() == 8
    still = 0.25 + 0.75 / 6
    assert abs(int(places_L[0, 0]) / 4000 - still) < 0.04


def test_the_same_seed_gives_the_same_puzzles() -> None:
    board = Arc(SIDE, 20)
    pairs = [(np.full((2, 3), c, np.uint8), np.full((3, 2), c, np.uint8)) for c in range(10)]
    first, again = (
        vary(board, batch(board, pairs), torch.Generator().manual_seed(3)) for _ in "12"
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_nothing_is_read_on_the_host() -> None:
    board = Arc(SIDE, 7)
    x_BL = torch.zeros(5, SIDE * SIDE, dtype=torch.long, device="meta")
    x, y, ids = vary(board, Augmented(x_BL, x_BL, x_BL[:, 0]))
    assert (x.shape, y.shape, ids.shape) == ((5, 36), (5, 36), (5,))
    assert x.device.type == y.device.type == ids.device.type == "meta"


def test_arc_is_varied_in_training() -> None:
    board = Arc(SIDE, 7)
    dealt = batch(board, [(np.full((2, 3), c, np.uint8),) * 2 for c in range(10)] * 2)
    seeds = (torch.Generator().manual_seed(5) for _ in "12")
    varied, again = augment(board, dealt, next(seeds)), vary(board, dealt, next(seeds))
    assert torch.equal(varied.id_B, again.id_B)
    assert not torch.equal(varied.id_B, dealt.id_B)


def test_other_puzzles_are_refused() -> None:
    x_BL = torch.zeros(1, 16, dtype=torch.long)
    with pytest.raises(PuzzleError, match="sudoku4"):
        vary(Sudoku(4), Augmented(x_BL, x_BL, x_BL[:, 0]))
