"""The exact stopping gradient, with and without a memory, by hand and against its closed form."""

import math

import pytest
import torch

from hrm_rl.agents.learners import exact_pg, recurrent_pg
from hrm_rl.agents.learners.inputs import Standardise
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.learners.recurrent_pg import Memory
from hrm_rl.banks.bank import observe, play
from hrm_rl.banks.synthetic import bank_c
from hrm_rl.stopping.exact import logit_gradient, outcome

RETURNS = torch.tensor([[0.0], [0.9], [0.8]])


def test_loss_by_hand() -> None:
    """Halting at 1, 2, 3 with 1/2, 1/4, 1/4 earns 0.9 / 4 + 0.8 / 4."""
    logit_DP = torch.zeros(2, 1)
    assert exact_pg.exact_loss(logit_DP, RETURNS).item() == pytest.approx(-0.425)
    with_bonus = exact_pg.exact_loss(logit_DP, RETURNS, entropy=0.1).item()
    assert with_bonus == pytest.approx(-0.425 - 0.15 * math.log(2))


def test_gradient_is_the_closed_form() -> None:
    """dJ / dlogit_m = S_m P_m (1 - P_m) (r_m - V_{m+1})."""
    generator = torch.Generator().manual_seed(0)
    logit_DP = torch.randn(6, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    returns_MP = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    exact_pg.exact_loss(logit_DP, returns_MP).backward()
    halt_MP = torch.cat([logit_DP.detach().sigmoid(), torch.ones(1, 5)])
    closed_DP = logit_gradient(halt_MP, returns_MP)[:-1]
    torch.testing.assert_close(-5 * logit_DP.grad, closed_DP, atol=1e-6, rtol=0)


def test_a_memory_runs_over_all_segments_as_over_one_after_the_other() -> None:
    bank = bank_c(30, 6)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Memory(Standardise(torch.zeros(2), torch.ones(2)), -1.0)
        torch.nn.init.normal_(network.head[-1].weight)
    running = recurrent_pg.MemoryPolicy(network, "o").begin(30)
    seen = [observe(bank, "o", m) for m in range(1, 6)]
    one_by_one = torch.stack([running.probability(obs, torch.ones(30).long()) for obs in seen])
    at_once = network(torch.stack(seen))[0].sigmoid()
    torch.testing.assert_close(one_by_one, at_once)


def test_playing_starts_a_memory_afresh() -> None:
    bank = bank_c(200, 6)
    env = play_on(bank, observation="o", step_cost=0.02)
    policy = recurrent_pg.learn(env, steps=20_000, seed=0)
    first = play(bank, policy)
    assert torch.equal(first.segment_P, play(bank, policy).segment_P)
    assert 1 < first.segment_P.double().mean() < 6
    assert outcome(bank, policy, 0.02).value == pytest.approx(first.value_P(0.02).mean().item())
    with pytest.raises(ValueError, match="was not told that an episode starts"):
        policy(observe(bank, "o", 1), torch.ones(200).long())
