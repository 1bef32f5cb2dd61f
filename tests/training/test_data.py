"""The mixture of puzzles that training draws from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_rl.puzzles import Sudoku, load, write_csv
from hrm_rl.training.data import Sampler

GAME = Sudoku(4)


def sampler(tmp_path: Path, augment: bool, slots: int, seed: int = 0) -> Sampler:
    """Three puzzles of which each is to be drawn with probability 0.25, and one with 0.25."""
    puzzles = load("sudoku4", "train")
    write_csv(tmp_path / "three.csv", puzzles.take(range(3)))
    write_csv(tmp_path / "one.csv", puzzles.take([3]))
    data = ((str(tmp_path / "three.csv"), 1.5), (str(tmp_path / "one.csv"), 0.5))
    generator = torch.Generator().manual_seed(seed)
    return Sampler.create(data, slots, augment, torch.device("cpu"), generator)


def test_each_set_has_its_share_of_the_puzzles_drawn(tmp_path: Path) -> None:
    sample = sampler(tmp_path, augment=False, slots=4000)
    batch = sample()
    drawn = (batch.x_BT[:, None] == sample.x_PT[None]).all(-1)
    assert (drawn.sum(1) == 1).all()
    assert drawn.float().mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.035)  # 5 deviations


def test_what_is_drawn_are_puzzles_with_their_solutions(tmp_path: Path) -> None:
    sample = sampler(tmp_path, augment=True, slots=64)
    batch = sample()
    questions, answers = (GAME.values(t.numpy().astype(np.uint8)) for t in batch[:2])
    assert GAME.solved(questions, answers).all()
    assert batch.x_BT.dtype == batch.y_BT.dtype == torch.long
    assert len(batch.x_BT.unique(dim=0)) > 32  # four puzzles, many symmetries
    givens = (questions > 0).sum(-1)
    known = {int((row > 1).sum()) for row in sample.x_PT}
    assert set(givens.tolist()) <= known


def test_draws_follow_the_generator(tmp_path: Path) -> None:
    a, b, c = (sampler(tmp_path, augment=True, slots=8, seed=seed) for seed in (0, 0, 1))
    first = a()
    assert torch.equal(first.x_BT, b().x_BT)
    assert not torch.equal(first.x_BT, c().x_BT)
    assert not torch.equal(first.x_BT, a().x_BT)


def test_sets_of_different_puzzles_do_not_mix() -> None:
    data = (("sudoku4", 1.0), ("sudoku9_easy", 1.0))
    with pytest.raises(ValueError, match="one kind of puzzle, got sudoku4 and sudoku9"):
        Sampler.create(data, 4, True, torch.device("cpu"), None)
