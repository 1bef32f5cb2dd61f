"""The moving variance of the entropy: by hand, against plain sums, and across rows that come and go.

Shapes: B slots, M segments, P puzzles.
"""

from itertools import pairwise

import pytest
import torch
from banks import bank_of
from hypothesis import given
from hypothesis import strategies as st
from tiny import talkative

from hrm_rl.agents.rules import rule, sweep
from hrm_rl.agents.rules.moving import Still, moved
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.evaluate import evaluate
from hrm_rl.halting import begun
from hrm_rl.puzzles import load

ENTROPY = [[1.0, 2.0, 2.0, 2.0, 2.0], [0.5, 0.5, 0.5, 0.5, 0.5], [3.0, 1.0, 2.0, 0.0, 2.0]]
"""Of three puzzles: one that jumps once, one that never moves, one that never rests."""


def bank_with(entropy_PM: list[list[float]]) -> Bank:
    entropy_MP = torch.tensor(entropy_PM).T
    return bank_of(torch.zeros(entropy_MP.shape).bool(), entropy_mean=entropy_MP)[0]


def test_update_by_hand() -> None:
    """1 then 2 at rate 1/2: M = 3/2 and V = (2 - 3/2)^2 / 2 = 1/8; then 2: 7/4, 1/32 + 1/16."""
    one = torch.ones(1, dtype=torch.float64)
    mean_B, variance_B = moved(one, 0 * one, 2 * one, 0.5)
    assert (mean_B.item(), variance_B.item()) == (1.5, 0.125)
    mean_B, variance_B = moved(mean_B, variance_B, 2 * one, 0.5)
    assert (mean_B.item(), variance_B.item()) == (1.75, 0.09375)


def test_halts_where_the_entropy_stands_still_be_it_high_or_low() -> None:
    """At rate 1/2 the first puzzle's V is 0, 0.125, 0.09375, 0.0547, 0.0293."""
    bank = bank_with(ENTROPY)
    variance_MP = Still(rate=0.5).variances(bank.columns["scalars"])
    expected = torch.tensor([0, 0.125, 0.09375, 0.0546875, 0.029296875], dtype=torch.float64)
    torch.testing.assert_close(variance_MP[:, 0], expected)
    assert play(bank, Still(0.06, 0.5, 2)).segment_P.tolist() == [4, 2, 5]
    assert play(bank, Still(0.06, 0.5, 3)).segment_P.tolist() == [4, 3, 5]
    assert play(bank, Still(0.0546875, 0.5, 2)).segment_P.tolist() == [5, 2, 5]  # strictly below


@given(st.lists(st.floats(0, 5), min_size=1, max_size=12), st.floats(0.01, 0.99))
def test_variance_is_a_weighted_sum_of_squares(values: list[float], rate: float) -> None:
    """Unrolled: V_m = sum over i >= 2 of rate (1 - rate)^(m - i) (x_i - M_i)^2."""
    means = [
        (1 - rate) ** i * values[0]
        + sum(rate * (1 - rate) ** (i - j) * values[j] for j in range(1, i + 1))
        for i in range(len(values))
    ]
    m = len(values) - 1
    plain = sum(rate * (1 - rate) ** (m - i) * (values[i] - means[i]) ** 2 for i in range(1, m + 1))
    bank = bank_with([values])
    found = Still(rate=rate).variances(bank.columns["scalars"])[-1].item()
    assert found == pytest.approx(plain, abs=1e-5)  # entropies are float32


def test_a_row_that_begins_anew_forgets() -> None:
    seen_BF = bank_with([[1.0, 3.0], [3.0, 3.0]]).columns["scalars"]
    running = begun(Still(0.01, 0.5, 2), 2)
    assert running(seen_BF[0], torch.tensor([1, 1])).tolist() == [False, False]
    assert running(seen_BF[1], torch.tensor([2, 2])).tolist() == [False, True]
    assert running(seen_BF[1], torch.tensor([1, 3])).tolist() == [False, True]
    assert running(seen_BF[1], torch.tensor([2, 4])).tolist() == [True, True]
    with pytest.raises(ValueError, match=r"Still remembers .* call begin\(rows\)"):
        Still()(seen_BF[0], torch.tensor([1, 1]))


def test_evaluation_remembers_puzzle_by_puzzle() -> None:
    """Few slots, so that puzzles are dealt to rows of others and rows leave: the same as on a bank."""
    model, puzzles = talkative(seed=1), load("sudoku4", "test").take(range(23))
    bank = log_bank(model, puzzles, 6)
    median = Still().variances(bank.columns["scalars"])[3].median().item()
    policy = Still(median)
    expected = play(bank, policy)
    found = evaluate(model, puzzles, policy, 6, batch_size=5)
    assert torch.equal(found.segment_P, expected.segment_P)
    assert len(expected.segment_P.unique()) > 1


def test_a_sweep_reaches_from_never_halting_to_halting_as_soon_as_may_be() -> None:
    noise_MP = torch.rand(6, 200, generator=torch.Generator().manual_seed(0))
    bank = bank_of(noise_MP < 0.4, entropy_mean=noise_MP)[0]
    policies = sweep("eat", bank, 12)
    assert len(policies) <= 12
    halted = [play(bank, policy).segment_P for policy in policies]
    assert (halted[0] == 6).all() and (halted[-1] == 2).all()
    assert all((late >= early).all() for late, early in pairwise(halted))


@pytest.mark.parametrize(
    ("name", "message"),
    [("eat--7", "delta must be"), ("eat-nan", "delta must be a finite number, got nan"),
     ("eat-0.1-0", "rate must be a finite number between 0 and 1"), ("eat-0.1-1", "rate must be"),
     ("eat-0.1-0.2-1", r"patience must be .* got 1; one value has no variance")],
)  # fmt: skip
def test_wrong_knobs_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rule(name)
    with pytest.raises(ValueError, match="observation must be one of scalars"):
        Still(observation="q")
