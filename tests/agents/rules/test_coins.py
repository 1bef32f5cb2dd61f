"""Rules that read the halt logit as a probability: tossed, or added up.

Shapes: B slots, M segments.
"""

from itertools import pairwise
from math import log

import pytest
import torch
from banks import bank_a
from tiny import talkative

from hrm_rl.agents.learners.graves import ActPolicy
from hrm_rl.agents.rules import rule, sweep
from hrm_rl.agents.rules.coins import Cumulative, Sampled
from hrm_rl.banks.bank import log_bank, play
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.halting import begun
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import load
from hrm_rl.stopping.exact import outcome

M = 6


def eager_to_halt() -> HRM:
    """A model whose P(halt) is far from 0, and differs from puzzle to puzzle."""
    model = talkative(seed=1)
    model.q_head.bias[0] = -1.0
    return model


def test_sampled_halts_with_the_probability_of_the_head() -> None:
    logit = torch.tensor([[log(3.0), 9.0], [0.0, 9.0]])
    obs_BF, m_B = logit.repeat(5000, 1), torch.ones(10_000).int()
    assert Sampled().probability(logit, m_B[:2]).tolist() == pytest.approx([0.75, 0.5])
    assert Sampled(-log(3.0)).probability(logit, m_B[:2]).tolist() == pytest.approx([0.5, 0.25])
    halts_B = Sampled()(obs_BF, m_B).float()
    assert halts_B[::2].mean().item() == pytest.approx(0.75, abs=0.02)
    assert halts_B[1::2].mean().item() == pytest.approx(0.5, abs=0.025)
    assert torch.equal(Sampled()(obs_BF, m_B), Sampled()(obs_BF, m_B))


def test_exact_outcome_of_sampled_is_the_mean_of_many_plays() -> None:
    bank, _ = bank_a(20_000, max_segments=M)
    bank.columns["scalars"][..., 0] = -1.0
    exact = outcome(bank, Sampled(), 0.1, stochastic=True)
    p = 1 / (1 + 2.718281828**1.0)
    assert exact.segments == pytest.approx(sum((1 - p) ** m for m in range(M)))
    drawn = outcome(bank, Sampled(), 0.1)
    assert drawn.segments == pytest.approx(exact.segments, abs=0.05)
    assert drawn.accuracy == pytest.approx(exact.accuracy, abs=0.015)


def test_cumulative_halts_where_the_sum_is_reached_and_starts_anew() -> None:
    running = begun(Cumulative(0.99), 2)
    obs_BF = torch.tensor([[0.4, 0.0], [0.6, 0.0]]).logit()
    m_B = torch.tensor([1, 1])
    assert running(obs_BF, m_B).tolist() == [False, False]
    assert running(obs_BF, m_B + 1).tolist() == [False, True]
    assert running(obs_BF, torch.tensor([3, 1])).tolist() == [True, False]  # row 2: a new puzzle
    with pytest.raises(ValueError, match=r"Cumulative remembers .* call begin\(rows\)"):
        Cumulative()(obs_BF, m_B)


@pytest.mark.parametrize("early_exit", [True, False])
def test_evaluation_remembers_puzzle_by_puzzle(early_exit: bool) -> None:
    """Few slots, so that puzzles are dealt to rows of others and rows leave: the same as on a bank."""
    model, puzzles = eager_to_halt(), load("sudoku4", "test").take(range(23))
    bank = log_bank(model, puzzles, M)
    sum_P = bank.columns["scalars"][:2, :, 0].sigmoid().sum(0).sort().values
    policy = Cumulative(float(sum_P[11:13].mean()))  # reached at segment 2 by half of the puzzles
    expected = play(bank, policy)
    found = evaluate(model, puzzles, policy, M, early_exit=early_exit, batch_size=5)
    assert torch.equal(found.segment_P, expected.segment_P)
    assert (expected.segment_P == 2).sum() == 11 and (expected.segment_P > 2).sum() == 12


def test_a_solve_remembers() -> None:
    model, puzzles = eager_to_halt(), load("sudoku4", "test").take(range(4))
    expected = play(log_bank(model, puzzles, M), Cumulative(0.6)).segment_P.tolist()
    found = [
        len(list(solve(model, torch.from_numpy(x_L), Cumulative(0.6), M)))
        for x_L in puzzles.inputs_PL
    ]
    assert found == expected


def test_what_cannot_go_on_without_rows_that_left_is_refused() -> None:
    with pytest.raises(ValueError, match="ActPolicy remembers by rows and puzzles leave the batch"):
        evaluate(
            talkative(),
            load("sudoku4", "test").take(range(3)),
            ActPolicy(torch.nn.Identity(), "q"),
            M,
        )


@pytest.mark.parametrize("kind", ["sampled", "cumulative"])
def test_sweeps_reach_from_never_halting_to_halting_at_once(kind: str) -> None:
    bank, _ = bank_a(200, max_segments=M)
    noise = torch.randn(M, 200, generator=torch.Generator().manual_seed(0))
    bank.columns["scalars"][..., 0] = 2 * noise
    policies = sweep(kind, bank, 12)
    assert len(policies) <= 12
    means = [play(bank, policy).segment_P.double().mean().item() for policy in policies]
    assert means[0] == M and means[-1] == 1
    slack = 0.0 if kind == "cumulative" else 0.3  # coins
    assert all(late >= early - slack for late, early in pairwise(means))


@pytest.mark.parametrize("name", ["sampled-nan", "cumulative-nan"])
def test_knobs_that_are_no_numbers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a finite number, got nan"):
        rule(name)
