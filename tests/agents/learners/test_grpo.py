"""GRPO by hand: advantages, both rewards, and that its gradient is the exact one in expectation."""

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from hrm_rl.agents.learners import grpo, learner
from hrm_rl.agents.learners.exact_pg import exact_loss
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.synthetic import BANK_A, generate
from hrm_rl.stopping import belief
from hrm_rl.stopping.chains import score


def test_advantages_by_hand() -> None:
    """Two right of four: 0.5 from the mean, and 1/sqrt(3) the deviation. A price alone weighs as much."""
    reward_GP = torch.tensor([[1.0, 0.0], [1.0, -0.02], [0.0, 0.0], [0.0, -0.02]])
    plain_GP = grpo.advantages(reward_GP, normalize=False)
    assert plain_GP.T.tolist() == [
        pytest.approx([0.5, 0.5, -0.5, -0.5]),
        pytest.approx([0.01, -0.01, 0.01, -0.01]),
    ]
    right_G, hopeless_G = grpo.advantages(reward_GP, normalize=True).T.tolist()
    assert right_G == pytest.approx([0.8659, 0.8659, -0.8659, -0.8659], abs=1e-4)
    assert hopeless_G == pytest.approx([0.8586, -0.8586, 0.8586, -0.8586], abs=1e-4)
    assert grpo.advantages(torch.ones(4, 1), normalize=True).tolist() == [[0.0]] * 4


def test_relative_rewards_by_hand() -> None:
    """Right after 2, 4 and 6: mean 4, range 4. The wrong one pays nothing; one alone is at the mean."""
    correct_GP = torch.tensor([[True, False], [True, False], [False, False], [True, True]])
    segment_GP = torch.tensor([[2, 1], [4, 9], [16, 16], [6, 3]])
    reward_GP = grpo.relative_rewards(correct_GP, segment_GP, 0.1)
    assert reward_GP.T.tolist() == [
        pytest.approx([1.05, 1.0, 0.0, 0.95]),
        pytest.approx([0.0, 0.0, 0.0, 1.0]),
    ]


def test_loss_by_hand() -> None:
    """Fair coins: halting at once was better by 0.5 than going on and halting, which are two coins."""
    logit_DP = torch.zeros(2, 1, requires_grad=True)
    halt_GDP = torch.tensor([[[True], [True]], [[False], [True]]])
    loss = grpo.grpo_loss(logit_DP, halt_GDP, torch.tensor([[0.5], [-0.5]]))
    assert loss.item() == pytest.approx((0.5 - 2 * 0.5) * math.log(2) / 2)
    loss.backward()
    # At 1: -(0.5 * 1/2 - 0.5 * -1/2) / 2; at 2 only the second episode tossed a coin.
    assert logit_DP.grad[:, 0].tolist() == pytest.approx([-0.25, 0.125])


def test_expected_gradient_is_the_exact_one() -> None:
    """Over all outcomes of the coins of two episodes, times G / (G - 1): a mean holds its own episode."""
    generator = torch.Generator().manual_seed(0)
    logit_DP = torch.randn(2, 1, generator=generator, dtype=torch.float64, requires_grad=True)
    returns_MP = torch.tensor([[0.0], [0.9], [-0.2]], dtype=torch.float64)
    expected_D = torch.zeros(2, dtype=torch.float64)
    for coins in itertools.product([False, True], repeat=4):
        halt_GDP = torch.tensor(coins).view(2, 2, 1)
        chance = torch.where(halt_GDP, logit_DP.sigmoid(), (-logit_DP).sigmoid()).prod().item()
        end_GP = (halt_GDP.cumsum(1) == 0).sum(1)
        advantage_GP = grpo.advantages(returns_MP.gather(0, end_GP), normalize=False)
        loss = grpo.grpo_loss(logit_DP, halt_GDP, advantage_GP)
        expected_D += chance * torch.autograd.grad(loss, logit_DP)[0][:, 0]
    (exact,) = torch.autograd.grad(exact_loss(logit_DP, returns_MP), logit_DP)
    torch.testing.assert_close(2 * expected_D, exact[:, 0])


def test_it_gives_up_where_it_should() -> None:
    """Where never giving up misses 2 points of the best."""
    chain = replace(BANK_A, solvable=0.7)
    env = play_on(generate(chain, 4000, 100), observation="o", step_cost=0.02)
    policy = learner("grpo")(env, steps=200_000, seed=0)
    best = belief.full_observation(chain, 0.02)[1].value
    assert score(chain, policy, 0.02).value > best - 0.003


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "value"),
    [({"normalize_advantage": True}, 0.21), ({"length_penalty": 0.1}, 0.575162)],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_the_division_and_the_papers_reward_do(
    settings: dict[str, Any], value: float, seed: int
) -> None:
    """One halts at once, the other never gives up; the best is 0.5949."""
    chain = replace(BANK_A, solvable=0.7)
    env = play_on(generate(chain, 4000, 100 + seed), observation="o", step_cost=0.02)
    policy = learner("grpo", **settings)(env, steps=200_000, seed=seed)
    assert score(chain, policy, 0.02).value == pytest.approx(value, abs=1e-4)


def test_wrong_settings_are_refused() -> None:
    env = play_on(generate(BANK_A, 4), observation="o")
    with pytest.raises(
        ValueError, match=r"group must be .* in 2.*, got 1; an episode is held against"
    ):
        grpo.learn(env, steps=1, seed=0, group=1)
    with pytest.raises(ValueError, match="length_penalty"):
        grpo.learn(env, steps=1, seed=0, length_penalty=-1.0)
