"""REINFORCE by hand, and that its gradient is the exact one in expectation."""

import itertools
import math

import pytest
import torch

from hrm_rl.agents.learners import reinforce
from hrm_rl.agents.learners.exact_pg import exact_loss
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.synthetic import bank_a

RETURNS = torch.tensor([[0.0], [0.9], [0.8]])  # right from segment 2, at a step cost of 0.1


def test_loss_by_hand() -> None:
    """Went on and then halted at 2, by fair coins: 0.9 from the first decision, 1 from the second."""
    halt_DP = torch.tensor([[False], [True]])
    got = reinforce.reinforce_loss(torch.zeros(2, 1), halt_DP, RETURNS, 0.1)
    assert got.item() == pytest.approx(1.9 * math.log(2))
    value_DP = torch.tensor([[0.5], [0.5]])
    got = reinforce.reinforce_loss(torch.zeros(2, 1), halt_DP, RETURNS, 0.1, value_DP)
    assert got.item() == pytest.approx(0.9 * math.log(2) + 0.4**2 + 0.5**2)


def test_what_follows_a_halt_is_not_reached() -> None:
    logit_DP = torch.zeros(2, 1, requires_grad=True)
    halt_DP = torch.tensor([[True], [True]])
    reinforce.reinforce_loss(logit_DP, halt_DP, RETURNS + 1, 0.1, entropy=0.1).backward()
    assert logit_DP.grad[:, 0].tolist() == [-0.5, 0.0]


@pytest.mark.parametrize("baseline", [None, 0.3])
def test_expected_gradient_is_the_exact_one(baseline: float | None) -> None:
    """Averaged over all outcomes of three coins, with any baseline that does not see them."""
    generator = torch.Generator().manual_seed(0)
    logit_DP = torch.randn(3, 1, generator=generator, dtype=torch.float64, requires_grad=True)
    right_M = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    returns_MP = (right_M - 0.1 * torch.arange(4))[:, None]
    value_DP = None if baseline is None else torch.full((3, 1), baseline, dtype=torch.float64)
    expected_D = torch.zeros(3, dtype=torch.float64)
    for coins in itertools.product([False, True], repeat=3):
        halt_DP = torch.tensor(coins)[:, None]
        chance = torch.where(halt_DP, logit_DP.sigmoid(), (-logit_DP).sigmoid()).prod().item()
        loss = reinforce.reinforce_loss(logit_DP, halt_DP, returns_MP, 0.1, value_DP)
        expected_D += chance * torch.autograd.grad(loss, logit_DP)[0][:, 0]
    (exact,) = torch.autograd.grad(exact_loss(logit_DP, returns_MP), logit_DP)
    torch.testing.assert_close(expected_D, exact[:, 0])


def test_unknown_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline must be one of value, mean, none, got 'best'"):
        reinforce.learn(play_on(bank_a(4), observation="o"), steps=1, seed=0, baseline="best")
