"""Supervised probes: what they are fitted to, and the look ahead, by hand."""

import math

import pytest
import torch

from hrm_rl.agents.learners import halt_bce, hazard, probe
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.synthetic import bank_a


def test_probe_loss_by_hand() -> None:
    logit_DP = torch.tensor([[0.8], [0.8]]).logit()
    got = probe.probe_loss(logit_DP, torch.tensor([[True], [False]]))
    assert got.item() == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 2)


def test_halt_loss_is_half_of_that() -> None:
    logit_B = torch.tensor([0.8, 0.8]).logit()
    got = halt_bce.halt_loss(logit_B, torch.tensor([True, False]))
    assert got.item() == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 4)


def test_when_it_is_first_right_by_hand() -> None:
    """Right at 1 and 4 of 5: from 1 now, from 2 two later, then one, now; from 1 of the other never."""
    correct_MP = torch.tensor([[1, 0], [0, 0], [0, 0], [1, 0], [0, 0]]).bool()
    assert hazard.first_right(correct_MP, 2).T.tolist() == [[0, 2, 1, 0], [3, 3, 3, 3]]
    assert hazard.first_right(correct_MP, 1).T.tolist() == [[0, 2, 1, 0], [2, 2, 2, 2]]
    assert hazard.first_right(correct_MP, 9).T.tolist() == [[0, 2, 1, 0], [10] * 4]


def test_look_ahead_by_hand() -> None:
    """Now, in one, in two, or not: 0.1, 0.2, 0.3, 0.4, at 0.05 a segment; with one segment left,
    what is not right in one costs no more than one."""
    first_BK = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    far = hazard.ahead(first_BK, torch.tensor([5]), 0.05).item()
    assert far == pytest.approx(0.1 * 0.95 + 0.2 * 0.95 + 0.3 * 0.9 - 0.4 * 0.1)
    near = hazard.ahead(first_BK, torch.tensor([1]), 0.05).item()
    assert near == pytest.approx(0.6 * 0.95 - 0.4 * 0.05)


@pytest.mark.parametrize("rate", [0.01, 0.04, 0.06, 0.5])
def test_one_step_ahead_it_goes_on_while_the_hazard_exceeds_the_cost(rate: float) -> None:
    first_BK = torch.tensor([[0.2, rate, 0.8 - rate]])
    goes_on = hazard.ahead(first_BK, torch.tensor([3]), 0.05) > first_BK[:, 0]
    assert goes_on.item() is (rate > 0.05)


def test_a_horizon_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="k must be a whole number >= 1, got 0"):
        hazard.learn(play_on(bank_a(4), observation="o"), steps=1, seed=0, k=0)
