"""Copies of a puzzle: whose answer is taken, by hand, and that boards are turned back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from scripted import NEVER, PUZZLES, RIGHT_FROM, Scripted
from tiny import ATTENTION, talkative
from torch import Tensor

from hrm_rl import loop
from hrm_rl.inside.copies import first_verified, spent, surest, taken, tries, until_verified, voted
from hrm_rl.models.base import Carry, Output
from hrm_rl.models.drawn import seeds
from hrm_rl.puzzles import load


class Echo(Scripted):
    """Answers with the board that it is shown."""

    def segment(self, carry: Carry, x_BT: Tensor, rows_BE: Tensor) -> tuple[Carry, Output]:
        carry, output = super().segment(carry, x_BT, rows_BE)
        shown = torch.nn.functional.one_hot(x_BT, self.config.vocab).float()
        return carry, output._replace(logits=shown)


def test_the_answer_of_most_copies_is_taken_and_else_the_surer_one() -> None:
    a, b, c = [1, 2], [1, 3], [2, 2]
    prediction_PKT = torch.tensor([[a, b, b, c], [a, b, b, a], [a, a, a, b], [a, b, c, c]])
    q_PK = torch.tensor([[9.0, 0, 0, 9], [1, 3, 0, 1.5], [0, 0, 0, 9], [9, 9, -1, 0]])
    copy_P = voted(prediction_PKT.to(torch.uint8), q_PK)
    answers = [prediction_PKT[p, k].tolist() for p, k in enumerate(copy_P.tolist())]
    assert answers == [b, b, a, c]  # of the second, two and two: mean q of 1.5 against 1.25
    assert surest(q_PK).tolist() == [0, 1, 3, 0]


def test_the_first_that_verifies() -> None:
    """Of the first puzzle copy 2 at segment 2, of the second copy 0 at 1, of the third none."""
    verified_MPK = torch.zeros(3, 3, 3, dtype=torch.bool)
    verified_MPK[1, 0, 2] = verified_MPK[2, 0, 0] = verified_MPK[0, 1, 0] = True
    segment_P, copy_P = first_verified(verified_MPK)
    assert segment_P.tolist() == [2, 1, 0] and copy_P.tolist()[:2] == [2, 0]
    assert spent(verified_MPK).tolist() == [6, 3, 9]


def test_what_is_said_of_the_copy_taken() -> None:
    part_PK = torch.tensor([[True, False], [False, True]])
    assert taken(part_PK, torch.tensor([0, 0])).tolist() == [True, False]


def test_an_answer_verifies_from_where_it_is_right() -> None:
    model: Any = Scripted()
    found = tries(model, PUZZLES, 1, 7, kind="symmetry")
    wanted = [[m >= first for first in RIGHT_FROM] for m in range(1, 8)]
    assert found.verified_MPK[..., 0].tolist() == wanted


def test_boards_are_shown_by_a_symmetry_and_turned_back() -> None:
    model: Any = Echo()
    found = tries(model, PUZZLES, 4, 1, kind="symmetry", seed=5)
    shown = torch.from_numpy(PUZZLES.inputs_PL)[:, None].expand(-1, 4, -1)
    assert torch.equal(found.prediction_MPKT[0], shown) and not found.verified_MPK.any()


def test_copies_that_look_other_think_other_but_for_the_first() -> None:
    model = talkative()
    found = tries(model, PUZZLES, 3, 2, kind="symmetry")
    alone = tries(model, PUZZLES, 1, 2, kind="symmetry")
    torch.testing.assert_close(found.q_halt_MPK[..., :1], alone.q_halt_MPK)
    assert not torch.isclose(found.q_halt_MPK[1, :, 0], found.q_halt_MPK[1, :, 1]).all()


def test_copies_of_another_start_are_slots_of_other_seeds() -> None:
    model = talkative(replace(ATTENTION, start="random"))
    found = tries(model, PUZZLES, 3, 2, seed=4)
    again = tries(model, PUZZLES, 3, 2, seed=4, batch_size=7)  # two puzzles at a time
    torch.testing.assert_close(found.q_halt_MPK, again.q_halt_MPK)
    batch = loop.batch_of(PUZZLES, torch.tensor([2]), torch.device("cpu"))
    slots = loop.fresh(model, batch, seeds(4, torch.tensor([2 * 3 + 1])))
    for m in range(2):
        slots, output = loop.advance(model, slots)
        torch.testing.assert_close(output.q[0, 0], found.q_halt_MPK[m, 2, 1])
    assert not torch.isclose(found.q_halt_MPK[0, :, 0], found.q_halt_MPK[0, :, 1]).any()


def test_what_cannot_be_tried_is_refused() -> None:
    model = talkative()
    with pytest.raises(ValueError, match=r'starts every copy alike; take one with start="random"'):
        tries(model, PUZZLES, 2, 1)
    with pytest.raises(ValueError, match="copies must be a whole number"):
        tries(model, PUZZLES, 0, 1)
    with pytest.raises(ValueError, match="kind must be one of start, symmetry, got 'digits'"):
        tries(model, PUZZLES, 2, 1, kind="digits")
    with pytest.raises(ValueError, match="copies are of Sudoku, which checks itself, got maze8"):
        tries(model, load("maze8", "fit").take(range(2)), 2, 1)


def test_thinking_stops_where_a_copy_verifies() -> None:
    """The puzzle that is right from segment 3 on, and one that never is."""
    model: Any = Scripted()
    third, never = RIGHT_FROM.index(3), RIGHT_FROM.index(NEVER)
    found = list(until_verified(model, PUZZLES.take([third]), 2, 7))
    assert [at.verified_PK.tolist() for at in found] == [[[False] * 2]] * 2 + [[[True, False]]]
    assert len(list(until_verified(model, PUZZLES.take([never]), 1, 7))) == 7
