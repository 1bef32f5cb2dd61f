"""Augmentation: every row stays a puzzle with its solution, and all symmetries come up."""

from functools import cache

import pytest
import torch

from hrm_rl.puzzles import Sudoku, load
from hrm_rl.puzzles.sudoku import generate
from hrm_rl.puzzles.sudoku.augment import Symmetry, augment, draw
from hrm_rl.puzzles.sudoku.rating import rate
from hrm_rl.puzzles.sudoku.solver import count
from hrm_rl.puzzles.sudoku.symmetry import canonical


@cache
def batch(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    puzzles = {
        4: lambda: load("sudoku4", "fit").take(range(64)),
        6: lambda: generate.small(6, 8, seed=2),
        9: lambda: load("sudoku9_minimal", "fit").take(range(64)),
    }[size]()
    return torch.from_numpy(puzzles.inputs_PL), torch.from_numpy(puzzles.solutions_PL)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [4, 6, 9])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_rows_stay_puzzles_with_their_solutions(size, dtype):
    x_BL, y_BL = (tokens_BL.to(dtype) for tokens_BL in batch(size))
    game = Sudoku(size)
    for seed in range(5):
        new_x_BL, new_y_BL = augment(x_BL, y_BL, size, seeded(seed))
        assert new_x_BL.dtype == new_y_BL.dtype == dtype
        assert game.solved(game.values(new_x_BL), game.values(new_y_BL)).all()
        assert torch.equal((new_x_BL == 1).sum(1), (x_BL == 1).sum(1))
        assert not torch.equal(new_x_BL, x_BL)


def test_nine_by_nine_puzzles_keep_their_one_solution():
    x_BL, _ = augment(*batch(9), 9, seeded(0))
    rate(Sudoku(9).values(x_BL.numpy()))  # refuses puzzles without a single solution


@pytest.mark.parametrize("size", [4, 6])
def test_small_puzzles_stay_in_their_class(size):
    x_BL, y_BL = batch(size)
    new_x_BL, _ = augment(x_BL, y_BL, size, seeded(1))
    digits = Sudoku(size).values
    assert (canonical(digits(x_BL), size) == canonical(digits(new_x_BL), size)).all()
    assert all(count(digits_L, size) == 1 for digits_L in digits(new_x_BL)[:8])


def test_all_symmetries_come_up_equally_often():
    """Two cells of a band with the same digit, in different boxes, rows and columns: by hand,
    16 x 4 / 2 such pairs of cells (transposed ones included) times 4 digits."""
    x_BL = torch.ones(20_000, 16, dtype=torch.uint8)
    x_BL[:, [0, 6]] = 2
    moved_BL, _ = augment(x_BL, x_BL, 4, seeded(2))
    _, counts = moved_BL.unique(dim=0, return_counts=True)
    assert len(counts) == 128
    expected = len(x_BL) / 128
    chi2 = ((counts - expected) ** 2 / expected).sum().item()
    assert abs(chi2 - 127) < 5 * (2 * 127) ** 0.5  # five standard deviations


def test_six_by_six_is_not_transposed():
    """Boxes of two rows and three columns: givens of one row never land in one column."""
    x_BL = torch.ones(200, 36, dtype=torch.long)
    x_BL[:, 0], x_BL[:, 5] = 2, 3
    moved_BL, _ = augment(x_BL, x_BL, 6, seeded(3))
    rows_B = [(row > 1).nonzero().flatten() // 6 for row in moved_BL]
    assert all(rows[0] == rows[1] for rows in rows_B)


def test_rows_differ_and_a_seed_repeats():
    same_x_BL = batch(9)[0][:1].expand(32, 81)
    a_BL, _ = augment(same_x_BL, same_x_BL, 9, seeded(4))
    b_BL, _ = augment(same_x_BL, same_x_BL, 9, seeded(4))
    assert torch.equal(a_BL, b_BL) and len(a_BL.unique(dim=0)) == 32


def test_pad_stays_pad():
    x_BL = torch.zeros(3, 81, dtype=torch.long)
    assert not augment(x_BL, x_BL, 9)[0].any()


def test_it_reads_nothing_from_the_device():
    x_BL = torch.ones(8, 81, dtype=torch.int32, device="meta")  # refuses .item(), nonzero, masks
    new_x_BL, new_y_BL = augment(x_BL, x_BL, 9)
    assert new_x_BL.shape == new_y_BL.shape == (8, 81) and new_x_BL.device.type == "meta"


def test_a_symmetry_by_hand() -> None:
    """New cell 0 is old cell 1 and so on; 2 is called 3, 3 is called 4, and 4 is called 2."""
    symmetry = Symmetry(torch.tensor([[1, 2, 0]]), torch.tensor([[0, 1, 3, 4, 2]]))
    assert symmetry.seen(torch.tensor([[2, 3, 1]])).tolist() == [[4, 1, 3]]
    assert symmetry.back(torch.tensor([[4, 1, 3]])).tolist() == [[2, 3, 1]]


@pytest.mark.parametrize("size", [4, 6, 9])
def test_what_is_seen_by_a_symmetry_comes_back(size: int) -> None:
    for tokens_BL in batch(size):
        symmetry = draw(len(tokens_BL), size, seeded(3), tokens_BL.device)
        assert torch.equal(symmetry.back(symmetry.seen(tokens_BL)), tokens_BL)
        assert not torch.equal(symmetry.back(tokens_BL), tokens_BL)
