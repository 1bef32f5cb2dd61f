"""PonderNet's loss and priors by hand; without a prior it is the exact gradient."""

import math

import pytest
import torch

from hrm_rl.agents.learners import ponder
from hrm_rl.agents.learners.exact_pg import exact_loss
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.stopping.exact import outcome
from hrm_rl.training.episode_losses import prior


def test_loss_by_hand() -> None:
    """p = (1/2, 1/4, 1/4) earns 0.425; KL to (4/7, 2/7, 1/7), and to the uniform ln 3 - 1.5 ln 2."""
    logit_DP, returns_MP = torch.zeros(2, 1), torch.tensor([[0.0], [0.9], [0.8]])
    kl = 0.5 * math.log(7 / 8) + 0.25 * math.log(7 / 8) + 0.25 * math.log(7 / 4)
    got = ponder.ponder_loss(logit_DP, returns_MP, prior(3, 0.5), 0.1)
    assert got.item() == pytest.approx(0.575 + 0.1 * kl)
    uniform = ponder.ponder_loss(logit_DP, returns_MP, prior(3, None), 1.0)
    assert uniform.item() == pytest.approx(0.575 + math.log(3) - 1.5 * math.log(2))


def test_without_a_prior_it_is_the_exact_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    logit_DP = torch.randn(4, 3, generator=generator, requires_grad=True)
    returns_MP = torch.randn(5, 3, generator=generator)
    (pondered,) = torch.autograd.grad(
        ponder.ponder_loss(logit_DP, returns_MP, prior(5, 0.2), 0.0), logit_DP
    )
    (exact,) = torch.autograd.grad(exact_loss(logit_DP, returns_MP), logit_DP)
    torch.testing.assert_close(pondered, exact)


def test_a_strong_prior_has_its_way() -> None:
    """At beta = 10 correctness hardly counts: mean segments are the prior's, whatever is seen."""
    bank = bank_a(500, 6)
    policy = ponder.learn(
        play_on(bank, observation="o"), steps=60_000, seed=0, beta=10.0, lambda_p=0.4
    )
    segments = outcome(bank, policy, 0.0, stochastic=True).segments
    expected = (prior(6, 0.4) * torch.arange(1, 7)).sum().item()
    assert segments == pytest.approx(expected, abs=0.05)
