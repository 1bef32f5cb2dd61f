"""Copies of a puzzle: the first as it is, the others by a symmetry or a start of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scripted import PUZZLES
from tiny import ATTENTION, talkative

from hrm_rl.models.copies import copies_of, repeated
from hrm_rl.models.drawn import splitmix64
from hrm_rl.puzzles import load, task_of

GAME = task_of("sudoku4")


def test_copies_are_turned_and_back_but_for_the_first() -> None:
    row_B = torch.arange(24)
    own = copies_of(object(), GAME, row_B, 3, 0 * row_B)
    tokens_BT = torch.from_numpy(PUZZLES.solutions_PL).repeat_interleave(3, 0)
    seen_BT = own.seen(tokens_BT)
    assert torch.equal(own.back(seen_BT), tokens_BT) and torch.equal(seen_BT[::3], tokens_BT[::3])
    changed_B = (seen_BT != tokens_BT).any(1).view(8, 3)
    assert changed_B[:, 1:].double().mean() > 0.9
    boards = GAME.values(seen_BT.numpy())
    assert GAME.solved(0 * boards, boards).all()  # a symmetry of the rules
    assert len(torch.cat(list(own.symmetry or ()), 1).unique(dim=0)) == 17  # 16 copies and none


def test_a_copy_is_the_same_in_any_company() -> None:
    row_B = torch.tensor([5, 2, 11])
    alone = copies_of(object(), GAME, row_B, 3, 0 * row_B)
    every = copies_of(object(), GAME, torch.arange(24), 3, torch.zeros(24, dtype=torch.int64))
    for one, all_ in zip(alone.symmetry or (), every.symmetry or (), strict=True):
        assert torch.equal(one, all_[row_B])


def test_symmetries_are_uniform() -> None:
    """Each digit takes each name, and each cell each place, alike often."""
    row_B = torch.arange(20_000)
    own = copies_of(object(), GAME, row_B, 2, 0 * row_B)
    assert own.symmetry is not None
    cells_BL, names_BV = (part[1::2] for part in own.symmetry)
    for part_B, count in ((names_BV[:, 2] - 2, 4), (cells_BL[:, 0], 16)):
        share = part_B.bincount(minlength=count) / len(part_B)
        assert (share - 1 / count).abs().max() < 0.02  # four standard deviations


def test_a_model_that_draws_has_other_starts_and_the_same_boards() -> None:
    model = talkative(replace(ATTENTION, start="random"))
    row_B, seed_B = torch.arange(4), torch.tensor([7, 7, 9, 9])
    own = copies_of(model, GAME, row_B, 2, seed_B)
    assert own.symmetry is None
    one = torch.ones(1, dtype=torch.int64)
    wanted = [7, splitmix64(7 * one, one).item(), 9, splitmix64(9 * one, one).item()]
    assert own.seed_B.tolist() == wanted


def test_noise_alone_leaves_other_looks_each_with_noise_of_its_own() -> None:
    """However small it is: copies that start alike must not differ by it alone."""
    model = talkative(replace(ATTENTION, noise=1e-7))
    row_B, seed_B = torch.arange(6), torch.tensor([7, 7, 7, 9, 9, 9])
    own = copies_of(model, GAME, row_B, 3, seed_B)
    plain = copies_of(talkative(), GAME, row_B, 3, seed_B)
    assert own.symmetry is not None and plain.symmetry is not None
    for mine, theirs in zip(own.symmetry, plain.symmetry, strict=True):
        assert torch.equal(mine, theirs)
    assert len(own.seed_B.unique()) == 6 and own.seed_B[::3].tolist() == [7, 9]
    mazes = load("maze8", "fit").take(range(2))
    assert len(repeated(model, mazes, 3)) == 6  # nothing but noise there


def test_what_has_no_copies_is_refused() -> None:
    mazes = load("maze8", "fit").take(range(2))
    message = 'starts every copy alike, and maze8 has no other looks; take one with start="random" or noise'
    with pytest.raises(ValueError, match=message):
        repeated(talkative(), mazes, 2)
    assert repeated(talkative(), mazes, 1) is mazes
    with pytest.raises(ValueError, match="copies must be a whole number"):
        repeated(talkative(), PUZZLES, 0)
