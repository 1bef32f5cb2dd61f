"""Exact scores on synthetic chains: closed forms, and what many drawn puzzles give."""

import math

import pytest
from stoppers import STEP_COST, GiveUpAt, Sigmoid

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks import synthetic
from hrm_rl.banks.synthetic import BANK_A, BANK_B, BANK_C, BANK_NOISY
from hrm_rl.stopping import belief, chains
from hrm_rl.stopping.exact import outcome


@pytest.mark.parametrize("m", [1, 4, 12, 16])
def test_giving_up_has_a_closed_form(m):
    """Accuracy 0.8 (1 - 0.7^m); a puzzle is still wrong after j segments by 0.2 + 0.8 * 0.7^j."""
    found = chains.score(BANK_A, GiveUpAt(m), STEP_COST)
    segments = 1 + sum(0.2 + 0.8 * 0.7**j for j in range(1, m))
    assert found.accuracy == pytest.approx(0.8 * (1 - 0.7**m), abs=1e-12)
    assert found.segments == pytest.approx(segments, abs=1e-12)
    value = found.accuracy - STEP_COST * (segments - 1)
    assert chains.value_a(GiveUpAt(m), STEP_COST) == pytest.approx(value, abs=1e-12)


def test_scores_of_other_horizons_and_banks():
    assert chains.value_a(GiveUpAt(9), 0.0, 3) == pytest.approx(0.8 * (1 - 0.7**3), abs=1e-12)
    assert chains.value_b(GiveUpAt(9), 0.0) == pytest.approx(1 - 0.7 * 0.75**7, abs=1e-12)
    assert chains.value_b(FixedSegments(2), 0.0) == pytest.approx(0.3 * 0.9 + 0.7 * 0.25)
    assert chains.value_c(FixedSegments(3), 0.1, scale=1.0) == pytest.approx(1 - 0.8**3 - 0.2)


def test_quadrature_is_the_normal_tail():
    policy = belief.ScoreThresholds((0.3, 2.2, -1.0, 1.0, 1.0, 1.0, 5.0))
    found_M2 = chains.halt_given_correct(BANK_C, policy)
    for m, cut in enumerate(policy.threshold_M):
        tails = [math.erfc((cut - centre) / 2**0.5) / 2 for centre in (0, 2)]
        assert found_M2[m].tolist() == pytest.approx(tails, abs=5e-5)
    assert found_M2[-1].tolist() == [1, 1]


@pytest.mark.parametrize("chain", [BANK_A, BANK_B, BANK_C, BANK_NOISY])
@pytest.mark.parametrize("stochastic", [False, True])
def test_population_score_is_that_of_many_puzzles(chain, stochastic):
    policy = Sigmoid(1.5, -1.0)
    foretold = chains.score(chain, policy, STEP_COST, stochastic=stochastic)
    bank = synthetic.generate(chain, 200_000, seed=1)
    found = outcome(bank, policy, STEP_COST, stochastic=stochastic)
    assert found.accuracy == pytest.approx(foretold.accuracy, abs=4 * 0.5 / 200_000**0.5)
    assert found.segments == pytest.approx(foretold.segments, abs=0.04)
    assert found.halting_M.tolist() == pytest.approx(foretold.halting_M.tolist(), abs=0.005)
