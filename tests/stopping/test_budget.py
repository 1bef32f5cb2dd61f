"""Budgets of segments and mixtures of two policies, against closed forms and every other pair."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stoppers import chains, coins

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import play
from hrm_rl.banks.synthetic import BANK_A
from hrm_rl.halting import Halted
from hrm_rl.statistics import metrics
from hrm_rl.stopping import belief, budget
from hrm_rl.stopping import exact as stopping
from hrm_rl.stopping.exact import Outcome

# --- budgets --------------------------------------------------------------------------------------


BUDGETS = [  # mean segments, accuracy, step cost
    (5.0, 0.78827, 0.0220),
    (4.0, 0.74549, 0.0743),
    (3.0, 0.63343, 0.1470),
]


@cache
def best_on_a(cost: float):
    return belief.full_observation(BANK_A, cost)


@pytest.mark.parametrize(("limit", "accuracy", "cost"), BUDGETS)
def test_budget_on_bank_a(limit, accuracy, cost):
    plan = budget.solve(best_on_a, limit)
    assert plan.mixture.accuracy == pytest.approx(accuracy, abs=1e-5)
    assert plan.mixture.step_cost == pytest.approx(cost, abs=1e-4)
    assert plan.mixture.segments == limit
    bank, weight_P = synthetic.population(BANK_A)
    shorter, longer = (
        stopping.outcome(bank, policy, 0.0, weight_P=weight_P)
        for policy in (plan.shorter, plan.longer)
    )
    found = budget.mixed(shorter, longer, plan.mixture.weight)
    assert found.segments == pytest.approx(limit)
    assert found.accuracy == pytest.approx(plan.mixture.accuracy)
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
    mixture = budget.best_mixture(give_up_outcomes(), 5.0)
    assert (mixture.shorter + 1, mixture.longer + 1) == (11, 12)
    assert mixture.weight == pytest.approx(0.862, abs=5e-4)
    assert mixture.accuracy == pytest.approx(0.78827, abs=1e-5)


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
    assert plan.mixture.segments == pytest.approx(5.8578, abs=1e-4)
    assert (plan.mixture.step_cost, plan.mixture.weight) == (0.0, 1.0)
    once = budget.solve(best_on_a, 1.0)
    assert (once.mixture.weight, once.mixture.accuracy) == (0.0, pytest.approx(0.24))
    with pytest.raises(ValueError, match=r"runs 1\.000 segments on average, more than 0\.5"):
        budget.solve(best_on_a, 0.5)


@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(0, 100)), min_size=1, max_size=9),
    st.floats(1, 16),
)
def test_no_pair_of_policies_is_better_within_the_budget(points, limit):
    points = [(1, 0), *points]
    family = [Outcome(y / 100, y / 100, float(x), torch.zeros(1)) for x, y in points]
    mixture = budget.best_mixture(family, limit)
    pairs = []
    for a in family:
        if a.segments <= limit:
            pairs.append(a.accuracy)
        for b in family:
            if a.segments < limit < b.segments:
                share = (limit - a.segments) / (b.segments - a.segments)
                pairs.append(a.accuracy + share * (b.accuracy - a.accuracy))
    assert mixture.accuracy == pytest.approx(max(pairs))
    assert mixture.segments <= limit + 1e-12
    found = budget.mixed(family[mixture.shorter], family[mixture.longer], mixture.weight)
    assert found.accuracy == pytest.approx(mixture.accuracy)
    # No policy gains more than the multiplier says: the dual certificate.
    gains = [one.accuracy - mixture.step_cost * (one.segments - mixture.segments) for one in family]
    assert max(gains) <= mixture.accuracy + 1e-9


@given(chains, st.floats(1, 8))
@settings(max_examples=20)
def test_plan_is_the_best_of_the_whole_class(chain, limit):
    """Its multiplier proves it: at that step cost nothing is worth more."""
    mixture = budget.solve(lambda cost: belief.full_observation(chain, cost), limit).mixture
    _, best = belief.full_observation(chain, mixture.step_cost)
    value = mixture.accuracy - mixture.step_cost * (mixture.segments - 1)
    assert value == pytest.approx(best.value, abs=1e-9)
    assert mixture.segments <= limit + 1e-12


# --- mixtures -------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.floats(0, 1))
def test_a_mixture_plays_every_puzzle_by_one_of_two(seed, weight):
    bank = synthetic.bank_c(200, seed=seed)
    shorter, longer = coins(seed), coins(seed + 500)
    mixed = play(bank, budget.Mixture(shorter, longer, weight, seed))
    a, b = play(bank, shorter).segment_P, play(bank, longer).segment_P
    assert ((mixed.segment_P == a) | (mixed.segment_P == b)).all()
    again = play(bank, budget.Mixture(shorter, longer, weight, seed))
    assert torch.equal(again.segment_P, mixed.segment_P)


def test_a_mixture_costs_what_was_planned():
    plan = budget.solve(best_on_a, 5.0)
    bank = synthetic.bank_a(100_000)
    halted: Halted = play(bank, budget.Mixture(plan.shorter, plan.longer, plan.mixture.weight))
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
