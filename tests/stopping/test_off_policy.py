"""Values from censored logs: unbiased by listing all ends, by hand, and how much they vary.

Shapes: M segments, D decisions, P episodes.
"""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stoppers import coins

from hrm_rl.banks.synthetic import BANK_A, bank_a, population
from hrm_rl.statistics.regressors import table
from hrm_rl.statistics.survival import halting
from hrm_rl.stopping.exact import halt_table, outcome, rewards, value_to_go
from hrm_rl.stopping.off_policy import (
    Log,
    doubly_robust,
    draw_log,
    fitted_model,
    importance,
    inverse_propensity,
)
from hrm_rl.stopping.snell import value_table


def tables(seed, M, P):
    """P(halt) of two policies that could do anything, what is right, and a model that knows nothing."""
    generator = torch.Generator().manual_seed(seed)
    both = 0.05 + 0.9 * torch.rand(2, M, P, generator=generator, dtype=torch.float64)
    both[:, -1] = 1
    model_DP2 = torch.randn(M - 1, P, 2, generator=generator, dtype=torch.float64)
    return *both, torch.rand(M, P, generator=generator) < 0.5, model_DP2


def ends(chance_MP, correct_MP):
    """Every end that an episode of each puzzle may have, with its probability; nan after it."""
    M, P = chance_MP.shape
    for m in range(1, M + 1):
        beyond_M1 = torch.arange(1, M + 1)[:, None] > m
        log = Log(
            torch.full((P,), m), correct_MP[m - 1], torch.where(beyond_M1, math.nan, chance_MP)
        )
        yield log, halting(chance_MP)[m - 1], beyond_M1


def test_by_hand():
    """Went on by 1/2 where the policy does by 1/4, halted by 1/2 where it always does: right at 2."""
    log = Log(torch.tensor([2]), torch.tensor([True]), torch.tensor([[0.5], [0.5], [1.0]]))
    halt_MP = torch.tensor([[0.75], [1.0], [1.0]])
    assert importance(log, halt_MP).tolist() == pytest.approx([1.0])  # 1/2 * 2
    assert inverse_propensity(log, halt_MP, 0.1).tolist() == pytest.approx([0.9])
    model_DP2 = torch.tensor([[[0.2, 0.4]], [[0.7, 0.5]]], dtype=torch.float64)
    # D_2 = 0.7 + 2 * 0.3 = 1.3; V_1 = 0.25 and D_1 = 0.25 + 1/2 * (1.3 - 0.1 - 0.4)
    assert doubly_robust(log, halt_MP, 0.1, model_DP2).tolist() == pytest.approx([0.65])


@given(st.integers(0, 999), st.integers(2, 5), st.floats(0, 0.3))
@settings(max_examples=20)
def test_both_are_unbiased_whatever_the_model_says(seed, M, cost):
    """Puzzle by puzzle, over all its ends; what is after an end is nan, and not looked at."""
    halt_MP, chance_MP, correct_MP, model_DP2 = tables(seed, M, 3)
    mean = torch.zeros(2, 3, dtype=torch.float64)
    for log, probability_P, beyond_M1 in ends(chance_MP, correct_MP):
        seen_MP = torch.where(beyond_M1, math.nan, halt_MP)
        seen_DP2 = torch.where(beyond_M1[:-1, :, None], math.nan, model_DP2)
        mean[0] += probability_P * inverse_propensity(log, seen_MP, cost)
        mean[1] += probability_P * doubly_robust(log, seen_MP, cost, seen_DP2)
    value_P = value_to_go(halt_MP, rewards(correct_MP, cost))[0]
    torch.testing.assert_close(mean, value_P.expand(2, 3))


def test_a_model_that_knows_leaves_nothing_to_chance():
    """Where each puzzle's own future is the model, every end of it gives its value."""
    halt_MP, chance_MP, correct_MP, _ = tables(0, 4, 5)
    value_MP = value_to_go(halt_MP, rewards(correct_MP, 0.1))
    price_M1 = 0.1 * torch.arange(4)[:, None].double()  # what was paid so far is no part of a model
    model_DP2 = torch.stack([correct_MP[:-1].double(), (value_MP[1:] + price_M1[:-1])], -1)
    for log, _, _ in ends(chance_MP, correct_MP):
        found_P = doubly_robust(log, halt_MP, 0.1, model_DP2)
        torch.testing.assert_close(found_P, value_MP[0], atol=1e-7, rtol=0)


def test_a_fitted_model_varies_less_than_weights_alone():
    """Bank A, exactly: over all puzzles and all their ends, by a model of another log of 3,000."""
    cost, logging, wanted = 0.02, coins(3), coins(5)
    other = bank_a(3000, 5)
    model = fitted_model(
        other, draw_log(other, logging, seed=0), halt_table(other, wanted, True), cost, "o", table
    )
    bank, weight_P = population(replace(BANK_A, max_segments=5))
    halt_MP, chance_MP = (halt_table(bank, policy, True) for policy in (wanted, logging))
    model_DP2 = value_table(bank, model)
    mean, square = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for log, probability_P, _ in ends(chance_MP, bank.correct_MP):
        for i, found_P in enumerate(
            [
                inverse_propensity(log, halt_MP, cost),
                doubly_robust(log, halt_MP, cost, model_DP2),
            ]
        ):
            mean[i] += (weight_P * probability_P) @ found_P
            square[i] += (weight_P * probability_P) @ found_P**2
    value = outcome(bank, wanted, cost, stochastic=True, weight_P=weight_P).value
    assert mean.tolist() == pytest.approx([value, value], abs=1e-9)
    ips, robust = (square - mean**2).tolist()
    assert robust < 0.8 * ips


def test_a_drawn_log_is_what_its_coins_say():
    bank = bank_a(20_000, 4)
    log = draw_log(bank, coins(1), seed=3)
    assert torch.equal(log.segment_P, draw_log(bank, coins(1), seed=3).segment_P)
    share_M = torch.bincount(log.segment_P, minlength=5)[1:] / len(bank)
    expected_M = outcome(bank, coins(1), 0.0, stochastic=True).halting_M
    torch.testing.assert_close(share_M.double(), expected_M, atol=0.015, rtol=0)


def test_a_log_has_a_coin_for_each_of_its_episodes(unchecked_shapes):
    with pytest.raises(ValueError, match="a segment and a verdict for each of its 2 episodes"):
        Log(torch.tensor([1]), torch.tensor([True]), torch.ones(2, 2))


def test_wrong_logs_are_refused():
    one = torch.tensor([True])
    with pytest.raises(ValueError, match=r"segments must be in 1\.\.2, got 3 to 3"):
        Log(torch.tensor([3]), one, torch.ones(2, 1))
    with pytest.raises(ValueError, match="allow what was done"):
        Log(torch.tensor([2]), one, torch.ones(2, 1))  # it never went on
    log = Log(torch.tensor([2]), one, torch.tensor([[0.0], [1.0]]))
    with pytest.raises(ValueError, match="never does what this one may do"):
        importance(log, torch.tensor([[0.5], [1.0]]))
    with pytest.raises(ValueError, match=r"P\(halt\) must be in \[0, 1\]"):
        importance(log, torch.tensor([[1.5], [1.0]]))
    with pytest.raises(ValueError, match="no episode of the log halts at segment 1"):
        fitted_model(bank_a(1, 2), log, torch.tensor([[0.0], [1.0]]), 0.0, "o", table)
