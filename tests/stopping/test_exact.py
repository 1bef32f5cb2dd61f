"""Exact values, gradients and oracles, against simulation, autograd and by hand.

Shapes: M segments, P puzzles, B rows, N episodes.
"""

import numpy as np
import pytest
import torch
from banks import bank_of
from hypothesis import given
from hypothesis import strategies as st
from stoppers import Coins, coins, costs

from hrm_rl.agents.rules.basic import FixedSegments, first_correct
from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import Bank, observe, play
from hrm_rl.banks.synthetic import BANK_A
from hrm_rl.stopping import exact as stopping
from hrm_rl.stopping.snell import fit_snell, take


def random_tables(seed: int, M: int = 6, P: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of P(halt), and what was right."""
    generator = torch.Generator().manual_seed(seed)
    logit_MP = 2 * torch.randn(M, P, generator=generator, dtype=torch.float64)
    return logit_MP, torch.rand(M, P, generator=generator) < 0.4


def halt_of(logit_MP: torch.Tensor) -> torch.Tensor:
    return torch.cat([logit_MP[:-1].sigmoid(), torch.ones_like(logit_MP[:1])])


# --- exact values ---------------------------------------------------------------------------------


def test_a_stochastic_value_by_hand():
    """Right at 2 only, P(halt) 1/2 then 1/4: halts there by 1/8, at 1 by 1/2, at 3 by 3/8."""
    halt_MP = torch.tensor([[0.5], [0.25], [0.9]], dtype=torch.float64)  # the last is forced
    correct_MP = torch.tensor([[False], [True], [False]])
    found = stopping.outcome_of_table(halt_MP, correct_MP, 0.1)
    assert found.halting_M.tolist() == [0.5, 0.125, 0.375]
    assert found.accuracy == 0.125
    assert found.segments == pytest.approx(0.5 + 0.25 + 1.125)
    assert found.value == pytest.approx(0.125 - 0.1 * 0.875)


@given(st.integers(0, 99), costs)
def test_decisions_are_coins_of_zero_and_one(seed, cost):
    """Playing, and survival products of the same decisions."""
    bank, policy = synthetic.bank_c(50, seed=seed), coins(seed)
    played = stopping.outcome(bank, policy, cost)
    by_table = stopping.outcome_of_table(stopping.halt_table(bank, policy), bank.correct_MP, cost)
    assert played[:3] == pytest.approx(by_table[:3])
    assert torch.allclose(played.halting_M, by_table.halting_M)
    halted = play(bank, policy)
    assert played.value == pytest.approx(float(halted.value_P(cost).mean()))
    assert played.segments == pytest.approx(float(halted.segment_P.double().mean()))


@given(st.integers(0, 99), costs)
def test_halting_distribution_and_values_agree(seed, cost):
    logit_MP, correct_MP = random_tables(seed)
    halting_MP = stopping.halting(halt_of(logit_MP))
    assert torch.allclose(halting_MP.sum(0), torch.ones(9, dtype=torch.float64))
    reward_MP = stopping.rewards(correct_MP, cost)
    value_P = stopping.value_to_go(halt_of(logit_MP), reward_MP)[0]
    assert torch.allclose((halting_MP * reward_MP).sum(0), value_P)


@given(st.integers(0, 99))
def test_weights_are_copies(seed):
    bank, policy = synthetic.bank_c(5, seed=seed), coins(seed)
    copies = torch.tensor([1, 3, 0, 2, 1])
    repeated = take(bank, torch.arange(5).repeat_interleave(copies))
    for stochastic in (False, True):
        a = stopping.outcome(bank, policy, 0.02, stochastic=stochastic, weight_P=copies.double())
        b = stopping.outcome(repeated, policy, 0.02, stochastic=stochastic)
        assert a[:3] == pytest.approx(b[:3])


def simulate(
    bank: Bank, policy: Coins, cost: float, N: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns of N episodes on puzzles drawn from the bank, coin by coin."""
    puzzle_N = rng.integers(len(bank), size=N)
    returns_N = np.empty(N)
    episode = np.arange(N)
    for m in range(1, bank.max_segments + 1):
        obs_PF = observe(bank, policy.observation, m)
        halt_P = policy.probability(obs_PF, torch.full((len(bank),), m)).numpy()
        puzzle = puzzle_N[episode]
        halts = rng.random(len(episode)) < halt_P[puzzle]
        halts |= m == bank.max_segments
        right = bank.correct_MP[m - 1].numpy()[puzzle[halts]]
        returns_N[episode[halts]] = right - cost * (m - 1)
        episode = episode[~halts]
    return returns_N


@pytest.mark.slow
def test_survival_products_are_what_simulation_tends_to():
    """50 stochastic policies, a million episodes each."""
    rng = np.random.default_rng(0)
    for seed in range(50):
        bank = (synthetic.bank_a, synthetic.bank_b, synthetic.bank_c)[seed % 3](500, seed=seed)
        policy = coins(seed)
        exact = stopping.outcome(bank, policy, 0.02, stochastic=True).value
        returns_N = simulate(bank, policy, 0.02, 1_000_000, rng)
        assert abs(returns_N.mean() - exact) < 4 * returns_N.std() / 1000, seed


def test_the_stochastic_value_needs_a_probability():
    with pytest.raises(ValueError, match="a method `probability`, got FixedSegments"):
        stopping.outcome(synthetic.bank_a(3), FixedSegments(2), 0.0, stochastic=True)


# --- gradients ------------------------------------------------------------------------------------


@given(st.integers(0, 999), costs)
def test_closed_gradient_is_that_of_autograd_and_of_differences(seed, cost):
    logit_MP, correct_MP = random_tables(seed)
    reward_MP = stopping.rewards(correct_MP, cost)

    def value(logit_MP: torch.Tensor) -> torch.Tensor:
        return stopping.value_to_go(halt_of(logit_MP), reward_MP)[0].sum()

    free_MP = logit_MP.clone().requires_grad_()
    (auto_MP,) = torch.autograd.grad(value(free_MP), free_MP)
    closed_MP = stopping.logit_gradient(halt_of(logit_MP), reward_MP)
    torch.testing.assert_close(closed_MP, auto_MP, atol=1e-6, rtol=0)
    step = 1e-5
    for m, p in ((0, 0), (2, 3), (4, 8), (5, 1)):
        bump_MP = torch.zeros_like(logit_MP)
        bump_MP[m, p] = step
        slope = (value(logit_MP + bump_MP) - value(logit_MP - bump_MP)) / (2 * step)
        assert float(slope) == pytest.approx(float(closed_MP[m, p]), abs=1e-4)


def reinforce(
    halt_MP: torch.Tensor, reward_MP: torch.Tensor, baseline: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over its coins of (R - baseline) dlog P / dlogit, and of its square, for each puzzle."""
    M = len(halt_MP)
    chance_MP = stopping.halting(halt_MP)
    mean_MP, square_P = torch.zeros_like(halt_MP), torch.zeros_like(halt_MP[0])
    for tau in range(M):
        m_M1 = torch.arange(M)[:, None]
        score_MP = torch.where(m_M1 < tau, -halt_MP, torch.where(m_M1 == tau, 1 - halt_MP, 0))
        score_MP = (reward_MP[tau] - baseline) * torch.where(m_M1 < M - 1, score_MP, 0)
        mean_MP += chance_MP[tau] * score_MP
        square_P += chance_MP[tau] * (score_MP**2).sum(0)
    return mean_MP, square_P


@pytest.mark.parametrize(("logit", "at_least"), [(0.0, 8), (-3.0, 40)])
def test_exact_gradient_has_less_noise_than_reinforce(logit, at_least):
    """Variance over episodes of the gradient by one logit for each (right or wrong, segment)."""
    bank, weight_P = synthetic.population(BANK_A)
    halt_MP = halt_of(torch.full(bank.correct_MP.shape, logit, dtype=torch.float64))
    reward_MP = stopping.rewards(bank.correct_MP, 0.02)
    baseline = float(stopping.value_to_go(halt_MP, reward_MP)[0] @ weight_P)
    exact_MP = stopping.logit_gradient(halt_MP, reward_MP)
    noisy_MP, square_P = reinforce(halt_MP, reward_MP, baseline)
    torch.testing.assert_close(noisy_MP.sum(0) @ weight_P, exact_MP.sum(0) @ weight_P)
    right_MP = bank.correct_MP
    mean_2M = torch.stack([(exact_MP * w) @ weight_P for w in (right_MP, ~right_MP)])
    noise = square_P @ weight_P - (mean_2M**2).sum()
    remains = (exact_MP**2).sum(0) @ weight_P - (mean_2M**2).sum()
    assert noise / remains >= at_least


@given(st.integers(0, 99), st.floats(-3, 3))
def test_a_constant_in_every_reward_changes_no_gradient(seed, constant):
    logit_MP, correct_MP = random_tables(seed)
    halt_MP, reward_MP = halt_of(logit_MP), stopping.rewards(correct_MP, 0.02)
    moved = stopping.value_to_go(halt_MP, reward_MP + constant)
    torch.testing.assert_close(moved, stopping.value_to_go(halt_MP, reward_MP) + constant)
    torch.testing.assert_close(
        stopping.logit_gradient(halt_MP, reward_MP + constant),
        stopping.logit_gradient(halt_MP, reward_MP),
    )


# --- oracles --------------------------------------------------------------------------------------


def test_prophet_by_hand():
    """Waiting for a right answer pays up to 4 segments at 0.3 each; hopeless ones halt at once."""
    correct_MP = torch.zeros(6, 4, dtype=torch.bool)
    correct_MP[0, 0] = correct_MP[3, 1] = correct_MP[4:, 2] = True
    bank, _ = bank_of(correct_MP)
    halted = stopping.prophet(bank, 0.3)
    assert halted.segment_P.tolist() == [1, 4, 1, 1]
    assert halted.correct_P.tolist() == [True, True, False, False]
    free, oracle = stopping.prophet(bank, 0.0), first_correct(bank, give_up=True)
    assert torch.equal(free.segment_P, oracle.segment_P)
    assert torch.equal(free.correct_P, oracle.correct_P)


@pytest.mark.slow
@given(st.integers(0, 99), costs)
def test_nothing_beats_the_prophet_on_any_puzzle(seed, cost):
    bank = synthetic.bank_b(40, seed=seed)
    best_P = stopping.prophet(bank, cost).value_P(cost)
    assert (play(bank, coins(seed)).value_P(cost) <= best_P + 1e-12).all()
    fitted = fit_snell(bank, "o", cost)
    assert (play(bank, fitted).value_P(cost) <= best_P + 1e-12).all()
    _, fixed = stopping.best_fixed(bank, cost)
    assert fixed <= float(best_P.mean()) + 1e-12


@given(st.integers(0, 99), costs)
def test_best_fixed_is_the_best_of_all(seed, cost):
    bank = synthetic.bank_b(30, seed=seed)
    values = [stopping.outcome(bank, FixedSegments(m), cost).value for m in range(1, 9)]
    m, value = stopping.best_fixed(bank, cost)
    assert value == pytest.approx(max(values))
    assert values[m - 1] == pytest.approx(value)
