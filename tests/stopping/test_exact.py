"""Exact values, gradients, optimal stopping and budgets, against simulation and closed forms.

Shapes: M segments, P puzzles, B rows, N episodes.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from banks import bank_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import PUZZLES, Scripted

from hrm_rl.agents.rules.basic import FixedSegments, first_correct
from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import Bank, log_bank, observe, play
from hrm_rl.banks.synthetic import BANK_A, BANK_C, Chain
from hrm_rl.halting import Halted
from hrm_rl.statistics import metrics
from hrm_rl.statistics.regressors import binned, linear, random_features, table
from hrm_rl.stopping import belief, budget
from hrm_rl.stopping import chains as exact_chains
from hrm_rl.stopping import exact as stopping
from hrm_rl.stopping.exact import Outcome
from hrm_rl.stopping.snell import backward_induction, cross_fitted, fit_snell, take

probability = st.floats(0.02, 0.98)
chains = st.one_of(
    st.builds(Chain, st.integers(2, 6), probability, probability, loss=probability),
    st.builds(Chain, st.integers(2, 8), probability, probability, solvable=probability),
)
costs = st.floats(0, 0.5)


@dataclass(frozen=True)
class Coins:
    """Halts by a coin of P = sigmoid(a weighted sum of what it sees)."""

    weight_F: torch.Tensor
    observation: str = "o"
    time_aware: bool = True

    def probability(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return (obs_BF.double() @ self.weight_F).sigmoid()

    def __call__(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return self.probability(obs_BF, m_B) > 0.5


def coins(seed: int, features: int = 2) -> Coins:
    generator = torch.Generator().manual_seed(seed)
    return Coins(2 * torch.randn(features, generator=generator, dtype=torch.float64) - 0.5)


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


# --- optimal stopping -----------------------------------------------------------------------------


@given(chains, costs, st.integers(0, 99))
def test_no_policy_beats_the_snell_envelope(chain, cost, seed):
    """Where the observation is all there is to know. Its own estimate is its value."""
    bank, weight_P = synthetic.population(chain)
    policy, best = belief.full_observation(chain, cost)
    for other in (coins(seed), coins(seed + 1), FixedSegments(1 + seed % 4)):
        found = stopping.outcome(bank, other, cost, weight_P=weight_P)
        assert found.value <= best.value + 1e-9
    first_P = policy.values(observe(bank, "o", 1), torch.ones(len(bank), dtype=torch.long))
    assert float(first_P.amax(-1) @ weight_P) == pytest.approx(best.value, abs=1e-9)


@given(chains, costs)
def test_both_targets_of_backward_induction_agree_where_the_table_is_exact(chain, cost):
    bank, weight_P = synthetic.population(chain)
    values = [
        stopping.outcome(
            bank,
            backward_induction(bank, "o", cost, table, targets=targets, weight_P=weight_P),
            cost,
            weight_P=weight_P,
        ).value
        for targets in ("values", "returns")
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-9)


@given(st.integers(0, 99), costs)
def test_returns_are_what_the_rule_fitted_so_far_gets(seed, cost):
    """The target of going on at 1 is the return of playing on, puzzle by puzzle."""
    bank = synthetic.bank_c(60, 5, seed=seed)
    targets = []

    def spy(obs_PF, target_P, weight_P):
        targets.append(target_P)
        return linear(obs_PF, target_P, weight_P)

    policy = backward_induction(bank, "o", cost, spy, targets="returns")
    segment_P = torch.full((60,), 5)
    for m in (4, 3, 2):
        halts_P = policy(observe(bank, "o", m), torch.full((60,), m))
        segment_P = torch.where(halts_P, m, segment_P)
    halted = Halted(segment_P, bank.correct_MP[segment_P - 1, torch.arange(60)])
    torch.testing.assert_close(targets[-1], halted.value_P(cost))


@given(chains, costs, costs)
def test_dearer_segments_are_never_used_more(chain, cost, other):
    cheap, dear = sorted([cost, other])
    segments = [belief.full_observation(chain, c)[1].segments for c in (cheap, dear)]
    assert segments[1] <= segments[0] + 1e-9


@given(chains, st.floats(1, 3))
def test_what_costs_as_much_as_an_answer_is_never_bought(chain, cost):
    assert belief.full_observation(chain, cost)[1].segments == pytest.approx(1)


def test_free_segments_are_a_matter_of_the_tie():
    """On bank A right answers stay right: halting and going on tie, and so do hopeless puzzles."""
    bank, weight_P = synthetic.population(BANK_A)
    found = {
        tie: stopping.outcome(
            bank, fit_snell(bank, "o", 0.0, tie=tie, weight_P=weight_P), 0.0, weight_P=weight_P
        )
        for tie in ("halt", "continue")
    }
    assert found["continue"].segments == 16
    assert found["halt"].segments == pytest.approx(5.8578, abs=1e-4)
    assert found["halt"].accuracy == pytest.approx(found["continue"].accuracy, abs=1e-12)


@pytest.mark.parametrize("regress", [linear, binned, random_features])
@pytest.mark.parametrize("targets", ["values", "returns"])
def test_fitted_policies_beat_every_fixed_number_of_segments(regress, targets):
    fitted = backward_induction(synthetic.bank_c(5000), "o", 0.02, regress, targets=targets)
    assert exact_chains.score(BANK_C, fitted, 0.02, nodes=2000).value > 0.6922 + 0.015


@given(st.integers(0, 9), st.floats(-50, 50), st.sampled_from([-7.0, 0.01, 3.0, 1000.0]))
def test_units_of_an_observation_do_not_matter(seed, shift, scale):
    """Of a linear fit, which halts the same puzzles whatever the score is measured in."""
    bank = synthetic.bank_c(400, seed=seed)
    score_MPF = bank.columns["o"].double()
    plain, moved = (
        replace(bank, columns={"o": part}) for part in (score_MPF, shift + scale * score_MPF)
    )
    for cost in (0.0, 0.02):
        a, b = (
            stopping.outcome(
                part, backward_induction(part, "o", cost, linear, targets="returns"), cost
            )
            for part in (plain, moved)
        )
        assert a[:3] == pytest.approx(b[:3], abs=1e-9)


def test_reference_picks_a_fit_for_the_observation():
    a, c = synthetic.bank_a(2000), synthetic.bank_c(2000)
    assert exact_chains.value_a(fit_snell(a, "o", 0.02), 0.02) == pytest.approx(0.7083, abs=0.01)
    assert exact_chains.value_c(fit_snell(c, "o", 0.02), 0.02) > 0.69
    scalars = log_bank(Scripted(), PUZZLES, 8)
    halted = play(scalars, fit_snell(scalars, "scalars", 0.02))
    assert float(halted.value_P(0.02).mean()) >= stopping.best_fixed(scalars, 0.02)[1]


def test_wrong_inductions_are_refused():
    bank = synthetic.bank_a(10)
    with pytest.raises(ValueError, match='targets must be "values" or "returns", got "both"'):
        backward_induction(bank, "o", 0.0, table, targets="both")
    with pytest.raises(ValueError, match='tie must be "halt" or "continue", got "coin"'):
        fit_snell(bank, "o", 0.0, tie="coin")
    with pytest.raises(ValueError, match=r"fitted for the decisions at 1\.\.15, asked at 16"):
        fit_snell(bank, "o", 0.0)(torch.zeros(1, 2), torch.tensor([16]))


# --- folds ----------------------------------------------------------------------------------------


def test_folds_never_see_what_they_are_scored_on():
    bank = replace(synthetic.bank_a(60), cluster_P=torch.arange(60) // 3 + 7)
    seen: list[set[int]] = []

    def fit(part: Bank) -> FixedSegments:
        seen.append(set(part.cluster_P.tolist()))
        return FixedSegments(len(seen))

    halted = cross_fitted(bank, fit, folds=4)
    for cluster, segment in zip(bank.cluster_P.tolist(), halted.segment_P.tolist(), strict=True):
        assert cluster not in seen[segment - 1]
    assert all(len(clusters) == 15 for clusters in seen)


def test_what_is_learnt_by_heart_is_worth_nothing_on_other_folds():
    """Every puzzle has a number to be known by, and its answers are tosses of a coin."""
    generator = torch.Generator().manual_seed(0)
    correct_MP = torch.rand(4, 400, generator=generator) < 0.5
    bank, _ = bank_of(correct_MP)
    name_MPF = torch.arange(400.0).expand(4, 400)[..., None]
    bank = replace(bank, columns={"o": name_MPF})

    def by_heart(part: Bank):
        return backward_induction(part, "o", 0.05, table)

    in_sample = float(play(bank, by_heart(bank)).value_P(0.05).mean())
    assert in_sample == pytest.approx(float(stopping.prophet(bank, 0.05).value_P(0.05).mean()))
    elsewhere = float(cross_fitted(bank, by_heart).value_P(0.05).mean())
    assert elsewhere < 0.58 < 0.85 < in_sample


def test_wrong_folds_are_refused():
    with pytest.raises(
        ValueError, match=r"folds must be in 2\.\.3, the clusters of puzzles, got 4"
    ):
        cross_fitted(synthetic.bank_a(3), lambda part: FixedSegments(1), folds=4)


def test_part_of_a_real_bank():
    bank = log_bank(Scripted(), PUZZLES, 3)
    part = take(bank, torch.tensor([4, 1]))
    assert torch.equal(part.correct_MP, bank.correct_MP[:, [4, 1]])
    assert torch.equal(part.solutions_PT, bank.solutions_PT[[4, 1]])
    assert torch.equal(observe(part, "q", 2), observe(bank, "q", 2)[[4, 1]])


# --- regressors -----------------------------------------------------------------------------------


def fits(regress, obs_PF, target_P, weight_P=None):
    weight_P = stopping.shares(len(target_P), weight_P)
    return regress(obs_PF, target_P, weight_P)


def test_table_is_means():
    obs_PF = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    predict = fits(table, obs_PF, torch.tensor([1.0, 5.0, 3.0]).double())
    assert predict(torch.tensor([[1.0, 1.0], [0.0, 1.0], [7.0, 7.0]])).tolist() == [5, 2, 3]


def test_bins_are_means_of_equal_counts():
    obs_PF = torch.tensor([[3.0, 9.0], [1.0, 9.0], [2.0, 9.0], [4.0, 9.0]])

    def two_bins(*data):
        return binned(*data, bins=2)

    predict = fits(two_bins, obs_PF, torch.tensor([3.0, 1.0, 2.0, 4.0]).double())
    assert predict(torch.tensor([[-9.0, 9.0], [2.9, 0.0], [3.0, 9.0]])).tolist() == [1.5, 1.5, 3.5]
    with pytest.raises(ValueError, match="bins are of one column, got 2 that vary"):
        fits(binned, torch.eye(2), torch.ones(2).double())


@given(st.integers(0, 99))
def test_linear_is_least_squares(seed):
    generator = torch.Generator().manual_seed(seed)
    x_PF = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    y_P = torch.randn(30, generator=generator, dtype=torch.float64)
    weight_P = torch.rand(30, generator=generator, dtype=torch.float64) + 0.1
    predict = fits(linear, torch.cat([x_PF, torch.full((30, 1), 0.25)], 1), y_P, weight_P)
    root_P1 = weight_P.sqrt()[:, None]
    design = torch.cat([x_PF, torch.ones(30, 1)], 1)
    beta = torch.linalg.lstsq(root_P1 * design, root_P1 * y_P[:, None]).solution
    fresh = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    found = predict(torch.cat([fresh, torch.full((4, 1), 0.25)], 1))
    torch.testing.assert_close(found, (torch.cat([fresh, torch.ones(4, 1)], 1) @ beta)[:, 0])


def test_random_features_bend():
    x_P1 = torch.linspace(-2, 2, 200)[:, None]
    y_P = x_P1[:, 0].double() ** 2
    error = {
        regress: float((fits(regress, x_P1, y_P)(x_P1) - y_P).abs().max())
        for regress in (linear, random_features)
    }
    assert error[linear] > 1 > 0.1 > error[random_features]


@pytest.mark.parametrize("regress", [table, binned, linear, random_features])
def test_regressors_follow_a_constant(regress):
    """So that a constant in every return moves H and C alike, and no decision."""
    generator = torch.Generator().manual_seed(0)
    x_P1 = torch.randn(50, 1, generator=generator)
    y_P = torch.randn(50, generator=generator, dtype=torch.float64)
    plain, moved = (fits(regress, x_P1, y_P + k)(x_P1) for k in (0.0, 5.0))
    torch.testing.assert_close(moved, plain + 5)


# --- budgets --------------------------------------------------------------------------------------

BUDGETS = [  # mean segments, accuracy, step cost
    (5.0, 0.78827, 0.0220),
    (4.0, 0.74549, 0.0743),
    (3.0, 0.63343, 0.1470),
]


def best_on_a(cost: float):
    return belief.full_observation(BANK_A, cost)


@pytest.mark.parametrize(("limit", "accuracy", "cost"), BUDGETS)
def test_budget_on_bank_a(limit, accuracy, cost):
    plan = budget.solve(best_on_a, limit)
    assert plan.spent.accuracy == pytest.approx(accuracy, abs=1e-5)
    assert plan.spent.step_cost == pytest.approx(cost, abs=1e-4)
    assert plan.spent.segments == limit
    bank, weight_P = synthetic.population(BANK_A)
    cheap, dear = (
        stopping.outcome(bank, policy, 0.0, weight_P=weight_P) for policy in (plan.cheap, plan.dear)
    )
    found = budget.mixed(cheap, dear, plan.spent.weight)
    assert found.segments == pytest.approx(limit)
    assert found.accuracy == pytest.approx(plan.spent.accuracy)
    assert found.value == pytest.approx(found.accuracy)
    assert float(found.halting_M.sum()) == pytest.approx(1)


def give_up_outcomes() -> list[Outcome]:
    """Of halting at right answers and at m, in closed form, m = 1 .. 16."""
    found = []
    for m in range(1, 17):
        segments = 1 + sum(0.2 + 0.8 * 0.7**j for j in range(1, m))
        accuracy = 0.8 * (1 - 0.7**m)
        found.append(Outcome(accuracy, accuracy, segments, torch.zeros(16)))
    return found


def test_five_segments_are_giving_up_at_11_and_12():
    spent = budget.spend(give_up_outcomes(), 5.0)
    assert (spent.cheap + 1, spent.dear + 1) == (11, 12)
    assert spent.weight == pytest.approx(0.862, abs=5e-4)
    assert spent.accuracy == pytest.approx(0.78827, abs=1e-5)


def test_area_and_saving_on_bank_a():
    outcomes = give_up_outcomes()
    x, y = (np.array([getattr(one, key) for one in outcomes]) for key in ("segments", "accuracy"))
    assert metrics.pareto_area(x, y, 16) == pytest.approx(0.7423, abs=5e-5)
    fixed = synthetic.right_after(BANK_A).numpy()
    assert metrics.pareto_area(np.arange(1.0, 17), fixed, 16) == pytest.approx(0.6947, abs=5e-5)
    _, free = best_on_a(0.0)
    assert free.accuracy == pytest.approx(fixed[-1], abs=1e-12)
    assert 1 - free.segments / 16 == pytest.approx(0.634, abs=5e-4)


def test_a_budget_that_is_not_needed_is_not_spent():
    plan = budget.solve(best_on_a, 10.0)
    assert plan.spent.segments == pytest.approx(5.8578, abs=1e-4)
    assert (plan.spent.step_cost, plan.spent.weight) == (0.0, 1.0)
    once = budget.solve(best_on_a, 1.0)
    assert (once.spent.weight, once.spent.accuracy) == (0.0, pytest.approx(0.24))
    with pytest.raises(ValueError, match=r"runs 1\.000 segments on average, more than 0\.5"):
        budget.solve(best_on_a, 0.5)


@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(0, 100)), min_size=1, max_size=9),
    st.floats(1, 16),
)
def test_no_pair_of_policies_is_better_within_the_budget(points, limit):
    points = [(1, 0), *points]
    family = [Outcome(y / 100, y / 100, float(x), torch.zeros(1)) for x, y in points]
    spent = budget.spend(family, limit)
    pairs = []
    for a in family:
        if a.segments <= limit:
            pairs.append(a.accuracy)
        for b in family:
            if a.segments < limit < b.segments:
                share = (limit - a.segments) / (b.segments - a.segments)
                pairs.append(a.accuracy + share * (b.accuracy - a.accuracy))
    assert spent.accuracy == pytest.approx(max(pairs))
    assert spent.segments <= limit + 1e-12
    found = budget.mixed(family[spent.cheap], family[spent.dear], spent.weight)
    assert found.accuracy == pytest.approx(spent.accuracy)
    # No policy gains more than the multiplier says: the dual certificate.
    gains = [one.accuracy - spent.step_cost * (one.segments - spent.segments) for one in family]
    assert max(gains) <= spent.accuracy + 1e-9


@given(chains, st.floats(1, 8))
@settings(max_examples=20)
def test_plan_is_the_best_of_the_whole_class(chain, limit):
    """Its multiplier proves it: at that step cost nothing is worth more."""
    spent = budget.solve(lambda cost: belief.full_observation(chain, cost), limit).spent
    _, best = belief.full_observation(chain, spent.step_cost)
    value = spent.accuracy - spent.step_cost * (spent.segments - 1)
    assert value == pytest.approx(best.value, abs=1e-9)
    assert spent.segments <= limit + 1e-12


# --- mixtures -------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.floats(0, 1))
def test_a_mixture_plays_every_puzzle_by_one_of_two(seed, weight):
    bank = synthetic.bank_c(200, seed=seed)
    cheap, dear = coins(seed), coins(seed + 500)
    mixed = play(bank, budget.Mixture(cheap, dear, weight, seed))
    a, b = play(bank, cheap).segment_P, play(bank, dear).segment_P
    assert ((mixed.segment_P == a) | (mixed.segment_P == b)).all()
    again = play(bank, budget.Mixture(cheap, dear, weight, seed))
    assert torch.equal(again.segment_P, mixed.segment_P)


def test_a_mixture_costs_what_was_planned():
    plan = budget.solve(best_on_a, 5.0)
    bank = synthetic.bank_a(100_000)
    halted: Halted = play(bank, budget.Mixture(plan.cheap, plan.dear, plan.spent.weight))
    assert float(halted.segment_P.double().mean()) == pytest.approx(5.0, abs=0.06)
    assert float(halted.correct_P.double().mean()) == pytest.approx(0.78827, abs=0.006)


def test_a_mixture_tosses_when_a_puzzle_is_dealt():
    """Rows at segment 1 are new; the others keep their coin."""
    policy = budget.Mixture(FixedSegments(1), FixedSegments(9), 0.5, seed=1)
    obs_BF = torch.zeros(64, 1)
    first_B = policy(obs_BF, torch.ones(64, dtype=torch.long))
    assert 0 < int(first_B.sum()) < 64
    m_B = torch.where(torch.arange(64) < 32, 1, 2)
    second_B = policy(obs_BF, m_B)
    assert torch.equal(second_B[32:], first_B[32:])
    assert not torch.equal(second_B[:32], first_B[:32])


def test_wrong_mixtures_are_refused():
    with pytest.raises(ValueError, match=r"weight must be a finite number in 0\.\.1, got 1\.5"):
        budget.Mixture(FixedSegments(1), FixedSegments(2), 1.5)
    with pytest.raises(ValueError, match="have to read the same"):
        budget.Mixture(FixedSegments(1), FixedSegments(2, observation="o"), 0.5)
    with pytest.raises(ValueError, match="follows its puzzles from segment 1"):
        policy = budget.Mixture(FixedSegments(1), FixedSegments(2), 0.5)
        policy(torch.zeros(3, 1), torch.full((3,), 2))
