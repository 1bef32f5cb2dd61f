"""The best values on synthetic banks, whatever is seen of them, are those in closed form.

Shapes: M segments, P puzzles or paths, B rows.
"""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stoppers import STEP_COST, GiveUpAt, Sigmoid, probability

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import play
from hrm_rl.banks.synthetic import BANK_A, BANK_B, BANK_C, Chain
from hrm_rl.statistics.regressors import binned
from hrm_rl.stopping import belief, chains
from hrm_rl.stopping.exact import best_fixed, outcome_of_halted, prophet
from hrm_rl.stopping.snell import Snell, backward_induction

# --- bank A: giving up ----------------------------------------------------------------------------


GIVE_UP = [  # step cost, value, give up at, accuracy, mean segments
    (0.00, 0.797341, 16, 0.79734, 5.8578),
    (0.01, 0.750088, 14, 0.79457, 5.4486),
    (0.02, 0.708332, 12, 0.78893, 5.0298),
    (0.05, 0.599764, 9, 0.76772, 4.3591),
    (0.10, 0.450587, 6, 0.70588, 3.5529),
]


def gives_up_at(policy: Snell) -> int:
    M = policy.max_segments
    m_B = torch.arange(1, M)
    halts_B = policy(torch.stack([torch.zeros(M - 1), m_B / M], -1), m_B)
    return int(halts_B.int().argmax()) + 1 if halts_B.any() else M


@pytest.mark.parametrize(("cost", "value", "m", "accuracy", "segments"), GIVE_UP)
def test_optimum_gives_up_in_time(cost, value, m, accuracy, segments):
    policy, found = belief.full_observation(BANK_A, cost)
    closed = GiveUpAt(m)
    assert found.value == pytest.approx(chains.value_a(closed, cost), abs=1e-9)
    assert found.value == pytest.approx(value, abs=1e-6)
    assert found.accuracy == pytest.approx(accuracy, abs=1e-5)
    assert found.segments == pytest.approx(segments, abs=1e-4)
    assert gives_up_at(policy) == m
    if cost:  # one more look is worth its cost while cost < P(right next | wrong so far)
        odds = cost * 0.2 / (0.8 * (0.3 - cost))
        assert m == math.ceil(math.log(odds) / math.log(0.7))
    assert chains.value_a(policy, cost) == pytest.approx(found.value, abs=1e-12)


def test_what_the_blind_and_the_prophet_get_on_bank_a():
    bank, weight_P = synthetic.population(BANK_A)
    m, value = best_fixed(bank, STEP_COST, weight_P=weight_P)
    assert (m, value) == (7, pytest.approx(0.614117, abs=1e-6))
    best = outcome_of_halted(bank, prophet(bank, STEP_COST), STEP_COST, weight_P=weight_P)
    assert best.value == pytest.approx(0.760983, abs=1e-6)


# --- bank B: overthinking, and the two edges ------------------------------------------------------


def test_optimum_stops_before_it_overthinks():
    _, found = belief.full_observation(BANK_B, 0.0)
    assert found.value == pytest.approx(1 - 0.7 * 0.75**7, abs=1e-9)
    assert found.segments == pytest.approx(3.4262, abs=1e-4)
    assert chains.value_b(FixedSegments(8), 0.0) == pytest.approx(0.694, abs=1e-4)


@pytest.mark.parametrize(
    ("edge", "first", "last"),
    [
        ("exact", (0.8665, 0.9822), (0.25, 0.9)),
        ("paper", (0.8999, 0.9867), (0.4375, 0.925)),
    ],
)
def test_fixed_point_of_act_q_depends_on_the_edge(edge, first, last):
    q = belief.act_q_fixed_point(BANK_B, edge=edge)
    assert q.shape == (7, 2, 2)
    assert q[0, :, 1].tolist() == pytest.approx(first, abs=5e-5)
    assert q[6, :, 1].tolist() == pytest.approx(last, abs=1e-9)
    assert q[:, :, 0].tolist() == [[0, 1]] * 7  # Q_halt is 1{correct}


def test_fixed_point_satisfies_its_bellman_equation():
    """Q_continue of a wrong answer: 0.75 max Q(wrong) + 0.25 max Q(right), one segment later."""
    for step_cost in (0.0, 0.03):
        q = belief.act_q_fixed_point(BANK_B, step_cost=step_cost)
        best = q.amax(-1)
        torch.testing.assert_close(
            q[:-1, 0, 1], 0.75 * best[1:, 0] + 0.25 * best[1:, 1] - step_cost
        )
        torch.testing.assert_close(q[:-1, 1, 1], 0.1 * best[1:, 0] + 0.9 * best[1:, 1] - step_cost)


def test_what_has_no_fixed_point_in_this_table_is_refused():
    with pytest.raises(ValueError, match='edge must be "exact" or "paper", got "both"'):
        belief.act_q_fixed_point(BANK_B, edge="both")
    with pytest.raises(ValueError, match="not Markov"):
        belief.full_observation(Chain(4, 0.3, 0.3, loss=0.1, solvable=0.9), 0.0)


# --- bank C: hidden correctness -------------------------------------------------------------------


ORDER = {  # scale: full observation, belief, memoryless, Q on all segments, Q on those met, fixed
    2.0: (0.7690, 0.7408, 0.7326, 0.7203, 0.7032, 0.6922),
    1.0: (0.7690, 0.7119, 0.7011, 0.6872, 0.6306, 0.6922),
}


@pytest.mark.parametrize("scale", ORDER)
def test_order_of_what_is_possible_with_a_noisy_score(scale):
    chain = replace(BANK_C, scale=scale)
    bank, weight_P = synthetic.population(chain)
    found = (
        belief.full_observation(chain, STEP_COST)[1].value,
        belief.belief_optimum(chain, STEP_COST),
        belief.best_memoryless(chain, STEP_COST)[1].value,
        belief.fitted_q(chain, STEP_COST)[1].value,
        belief.fitted_q(chain, STEP_COST, on_policy=True)[1].value,
        best_fixed(bank, STEP_COST, weight_P=weight_P)[1],
    )
    assert found == pytest.approx(ORDER[scale], abs=6e-5)


def test_best_thresholds():
    policy, found = belief.best_memoryless(BANK_C, STEP_COST)
    expected = (2.93, 2.60, 2.43, 2.33, 2.25, 2.19, 2.13)
    assert policy.threshold_M == pytest.approx(expected, abs=0.006)
    assert chains.value_c(policy, STEP_COST) == pytest.approx(found.value, abs=2e-5)


def test_fitted_q_is_what_it_is_said_to_be():
    _, found = belief.fitted_q(BANK_C, STEP_COST)
    assert (found.accuracy, found.segments) == pytest.approx((0.7957, 4.77), abs=0.003)
    _, found = belief.fitted_q(BANK_C, STEP_COST, on_policy=True)
    assert (found.accuracy, found.segments) == pytest.approx((0.7708, 4.38), abs=0.003)


@pytest.fixture(scope="module")
def best_thresholds():
    return belief.best_memoryless(BANK_C, STEP_COST)


@given(seed=st.integers(0, 999))
def test_no_policy_of_the_last_score_beats_the_best_thresholds(best_thresholds, seed):
    """Thresholds nearby and far away, and coins, to the precision of the quadrature."""
    best, found = best_thresholds
    generator = torch.Generator().manual_seed(seed)
    noise_M = torch.randn(7, generator=generator, dtype=torch.float64)
    cuts_M = torch.tensor(best.threshold_M) + noise_M * 10.0 ** (seed % 4 - 3)
    other = belief.ScoreThresholds(tuple(cuts_M.tolist()))
    assert chains.score(BANK_C, other, STEP_COST).value < found.value + 1e-4
    coins = Sigmoid(*(3 * noise_M[:2]).tolist())
    value = chains.score(BANK_C, coins, STEP_COST, stochastic=True, nodes=500).value
    assert value < found.value + 1e-4


@given(st.builds(Chain, st.integers(2, 6), *[probability] * 3, scale=st.floats(0.3, 3)))
@settings(max_examples=10)
def test_who_sees_more_gets_more(chain):
    bank, weight_P = synthetic.population(chain)
    values = [
        best_fixed(bank, STEP_COST, weight_P=weight_P)[1],
        belief.best_memoryless(chain, STEP_COST)[1].value,
        belief.belief_optimum(chain, STEP_COST, nodes=1001, quadrature=201),
        belief.full_observation(chain, STEP_COST)[1].value,
        outcome_of_halted(bank, prophet(bank, STEP_COST), STEP_COST, weight_P=weight_P).value,
    ]
    assert all(b >= a - 1e-4 for a, b in pairwise(values))
    assert values[2] >= belief.fitted_q(chain, STEP_COST)[1].value - 1e-4


def test_backward_induction_on_beliefs_attains_the_optimum():
    """Another path to 0.7408: fitted on one bank, played on another."""
    fitted = backward_induction(synthetic.bank_c(200_000), "belief", STEP_COST, binned)
    fresh = synthetic.bank_c(400_000, seed=1)
    value_P = play(fresh, fitted).value_P(STEP_COST)
    error = 4 * float(value_P.std()) / len(fresh) ** 0.5
    assert 0.7408 - 0.001 - error < float(value_P.mean()) < 0.7408 + error


def test_backward_induction_on_scores_is_fitted_q():
    fitted = backward_induction(synthetic.bank_c(200_000), "o", STEP_COST, binned)
    assert chains.value_c(fitted, STEP_COST) == pytest.approx(0.7203, abs=0.002)


def test_beliefs_of_exact_chains_are_refused():
    with pytest.raises(ValueError, match=r"got scale=None and solvable=0\.8"):
        belief.belief_optimum(BANK_A, STEP_COST)
    with pytest.raises(ValueError, match="thresholds are of a noisy score, got scale=None"):
        belief.best_memoryless(BANK_B, STEP_COST)
    with pytest.raises(ValueError, match="thresholds are of a noisy score, got scale=None"):
        belief.fitted_q(BANK_B, STEP_COST)
