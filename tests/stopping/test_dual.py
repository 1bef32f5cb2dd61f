"""The dual bound: by hand, tight with the true martingale, above the optimum with any other.

Shapes: M segments, D decisions, P puzzles, F features.
"""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stoppers import chains, costs

from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import observe
from hrm_rl.banks.synthetic import BANK_A, BANK_C, Chain, population
from hrm_rl.statistics.regressors import binned, table
from hrm_rl.stopping import belief, exact
from hrm_rl.stopping.dual import dual_bound, dual_values, estimated_bound, reestimated
from hrm_rl.stopping.snell import backward_induction, fit_snell


def test_by_hand():
    """M = 0, 0.2, -0.3: 0.5, 0.4 - 0.2 or 0.9 + 0.3; without a martingale it is the prophet."""
    payoff_MP = torch.tensor([[0.5], [0.4], [0.9]])
    assert dual_values(payoff_MP, torch.tensor([[0.2], [-0.5]])).tolist() == pytest.approx([1.2])
    assert dual_values(payoff_MP, torch.zeros(2, 1)).tolist() == pytest.approx([0.9])


@given(chains, costs)
@settings(max_examples=15)
def test_the_true_martingale_leaves_no_gap_on_any_path(chain, cost):
    bank, weight_P = population(chain)
    snell, best = belief.full_observation(chain, cost)
    true = reestimated(bank, snell, cost, table, weight_P=weight_P)
    found = dual_bound(bank, snell, true, cost)
    first_P = snell.values(*_at_first(bank)).amax(-1)
    torch.testing.assert_close(found.upper_P, first_P, atol=1e-9, rtol=0)
    assert float(found.upper_P @ weight_P) == pytest.approx(best.value, abs=1e-9)
    assert float(found.gap_P.abs().max()) < 1e-9


def _at_first(bank):
    return observe(bank, "o", 1), torch.ones(len(bank), dtype=torch.long)


@given(chains, costs, costs, st.integers(0, 99))
@settings(max_examples=15)
def test_no_martingale_gets_below_the_optimum(chain, cost, other, seed):
    """Whatever the values: here of 40 puzzles, at another price."""
    bank, weight_P = population(chain)
    best = belief.full_observation(chain, cost)[1]
    rough = backward_induction(synthetic.generate(chain, 40, seed), "o", other, table)
    known = reestimated(bank, rough, cost, table, weight_P=weight_P)
    found = dual_bound(bank, rough, known, cost)
    assert float(found.upper_P @ weight_P) >= best.value - 1e-9
    assert float(found.drift_P @ weight_P) == pytest.approx(0, abs=1e-9)
    lower = exact.outcome(bank, rough, cost, weight_P=weight_P).value
    assert lower <= best.value + 1e-9
    assert float(found.gap_P.min()) >= -1e-9
    assert float((found.upper_P - found.gap_P) @ weight_P) == pytest.approx(lower, abs=1e-6)


def test_expectations_that_are_off_are_seen_in_the_drift():
    bank, weight_P = population(BANK_A)
    snell, best = belief.full_observation(BANK_A, 0.02)
    true = reestimated(bank, snell, 0.02, table, weight_P=weight_P)
    high = replace(true, later=[lambda obs_BF, of=of: of(obs_BF) + 0.05 for of in true.later])
    found = dual_bound(bank, snell, high, 0.02)
    steps = best.segments - 1
    assert float(found.drift_P @ weight_P) == pytest.approx(-0.05 * steps, abs=1e-6)


def test_noise_of_the_expectations_raises_the_bound_by_hand():
    """Two segments, half are right at once, 30 % of the others next, at 0.3: going on is worth 0.

    A reference of ten wrong ones, K of them right next, says K / 10 - 0.3: off by nothing on average,
    but its positive part is not.
    """
    chain = Chain(2, first=0.5, hazard=0.3)
    bank, weight_P = population(chain)
    snell, best = belief.full_observation(chain, 0.3)
    assert best.value == pytest.approx(0.5)
    mean = expected = 0.0
    for k in range(11):
        chance = math.comb(10, k) * 0.3**k * 0.7 ** (10 - k)
        right_P = bank.correct_MP[1].double()
        next_P = right_P * k / 10 + (1 - right_P) * (1 - k / 10)
        drawn_P = 0.5 * torch.where(bank.correct_MP[0], 1, next_P)
        found = reestimated(bank, snell, 0.3, table, weight_P=drawn_P)
        mean += chance * float(dual_bound(bank, snell, found, 0.3).upper_P @ weight_P)
        expected += chance * (0.5 + 0.5 * max(0.0, k / 10 - 0.3))
    assert mean == pytest.approx(expected, abs=1e-9)
    assert mean > best.value + 0.02


def test_the_optimum_is_bracketed():
    """The lower value is one, and the bound of 2,000 puzzles is near: the mean of eight banks."""
    chain = replace(BANK_A, max_segments=6)
    bank, weight_P = population(chain)
    best = belief.full_observation(chain, 0.02)[1].value
    found = []
    for seed in range(8):
        drawn = synthetic.generate(chain, 2000, seed)
        found.append(float(estimated_bound(drawn, bank, "o", 0.02).upper_P @ weight_P))
        lower = exact.outcome(bank, fit_snell(drawn, "o", 0.02), 0.02, weight_P=weight_P).value
        assert best - 0.002 < lower <= best + 1e-9
    assert sum(found) / len(found) == pytest.approx(best, abs=0.01)


def test_the_belief_is_bracketed():
    """Bank C with all scores summed up: 0.7408, here with bins for expectations."""
    fit, other, test = (synthetic.bank_c(20_000, seed=seed) for seed in (1, 2, 3))
    values = fit_snell(fit, "belief", 0.02)
    expected = reestimated(other, values, 0.02, binned)
    found = dual_bound(test, values, expected, 0.02)
    lower = exact.outcome(test, values, 0.02).value
    best = belief.belief_optimum(BANK_C, 0.02)
    error = float(test.correct_MP.double().std()) / len(test) ** 0.5
    assert lower < best + 3 * error
    assert best - 0.001 < float(found.upper_P.mean()) < best + 0.01
    assert abs(float(found.drift_P.mean())) < 4 * float(found.drift_P.std()) / len(test) ** 0.5


def test_wrong_bounds_are_refused():
    long, short = synthetic.bank_a(40), synthetic.bank_a(40, 5)
    snell = fit_snell(long, "o", 0.0)
    with pytest.raises(ValueError, match=r"the bank must have the 16 segments .* got 5; take"):
        reestimated(short, snell, 0.0, table)
    with pytest.raises(ValueError, match="must be of one horizon, got 16 and 5 segments"):
        dual_bound(long, snell, fit_snell(short, "o", 0.0), 0.0)
    with pytest.raises(ValueError, match="halves need two clusters of puzzles, got 1"):
        estimated_bound(synthetic.bank_a(1), long, "o", 0.0)
