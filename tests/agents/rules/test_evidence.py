"""Evidence against hard negatives: by hand, a law, when its bound holds, and when it does not.

Shapes: B rows, M segments, P puzzles, N hard negatives.
"""

from math import sqrt

import pytest
import torch
from banks import bank_of
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.agents.rules.evidence import Evidence, hard_negatives, log_e_value, p_value
from hrm_rl.banks.bank import Bank, play
from hrm_rl.halting import begun

POOL = (1.0, 2.0, 3.0)


def test_p_values_by_hand() -> None:
    """(1 + how many of 3 score as high) / 4; ties count as as high."""
    score_B = torch.tensor([0.0, 1.5, 2.0, 3.0, 3.5], dtype=torch.float64)
    pool_N = torch.tensor(POOL, dtype=torch.float64)
    assert p_value(score_B, pool_N).tolist() == [1.0, 0.75, 0.75, 0.5, 0.25]
    assert p_value(score_B, pool_N[:0]).tolist() == [1.0] * 5


def test_evidence_by_hand() -> None:
    """At kappa 1/2 p = 1/4 is worth 1 and p = 1/2 is worth 1 / sqrt 2; at 1/4, 0.25 * 4^0.75 = 0.707."""
    p_B = torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64)
    assert log_e_value(p_B, 0.5).exp().tolist() == pytest.approx([1.0, 1 / sqrt(2), 0.5])
    assert log_e_value(p_B, 0.25).exp()[0].item() == pytest.approx(0.7071, abs=1e-4)


@given(st.integers(1, 300), st.floats(0.01, 0.99))
def test_an_e_value_is_1_at_most_on_average(negatives: int, kappa: float) -> None:
    """One more hard negative has every rank among the pool with the same probability."""
    p_B = torch.arange(1, negatives + 2, dtype=torch.float64) / (negatives + 1)
    assert log_e_value(p_B, kappa).exp().mean() <= 1 + 1e-12


def test_halts_where_the_product_reaches_one_over_alpha() -> None:
    """Above a pool of 99 p is 0.01 and e is 5: 25 after two segments, of which 1 / 0.05 = 20 is enough.

    A bad score takes evidence away: p = 1 halves it.
    """
    pool = tuple(float(i) for i in range(99))
    score_MB = torch.tensor([[200.0, 200.0], [200.0, -1.0], [200.0, 200.0]])
    running = begun(Evidence(pool, alpha=0.05), 2)
    halts = [
        running(score_MB[m, :, None], torch.full((2,), m + 1)).tolist()
        for m in range(len(score_MB))
    ]
    assert halts == [[False, False], [True, False], [True, False]]
    assert running.log_e_B.exp().tolist() == pytest.approx([125.0, 12.5])
    running.keep(torch.tensor([1]))
    assert running(score_MB[0, :1, None], torch.tensor([4])).tolist() == [True]  # 62.5
    assert running(score_MB[0, :1, None], torch.tensor([1])).tolist() == [False]  # a new puzzle: 5
    with pytest.raises(ValueError, match=r"Evidence remembers .* call begin\(rows\)"):
        Evidence(pool)(score_MB[0, :, None], torch.tensor([1, 1]))


def test_the_pool_is_the_highest_score_of_each_puzzle_that_is_never_right() -> None:
    """The last segment has no decision, and its score does not count."""
    correct_MP = torch.tensor([[0, 0, 0], [0, 1, 0], [0, 1, 0]]).bool()
    score_MP = torch.tensor([[1.0, 7.0, -2.0], [0.5, 8.0, -1.0], [9.0, 9.0, 9.0]])
    assert hard_negatives(bank_of(correct_MP, q_halt=score_MP)[0]) == (-1.0, 1.0)
    assert hard_negatives(bank_of(~correct_MP[:1], q_halt=score_MP[:1])[0]) == ()


def unsolved(puzzles: int, seed: int, persists: bool) -> Bank:
    """Puzzles that are never right; their scores are noise, new in every segment or one for all."""
    generator = torch.Generator().manual_seed(seed)
    noise_MP = torch.randn(1 if persists else 16, puzzles, generator=generator).expand(16, -1)
    return bank_of(torch.zeros(16, puzzles).bool(), q_halt=noise_MP)[0]


def halted_early(persists: bool, alpha: float) -> float:
    policy = Evidence(hard_negatives(unsolved(500, 1, persists)), alpha)
    halted = play(unsolved(5000, 2, persists), policy)
    return (halted.segment_P < 16).double().mean().item()


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_bound_holds_where_noise_is_new_in_every_segment(alpha: float) -> None:
    assert halted_early(False, alpha) <= alpha


def test_the_bound_breaks_where_a_score_is_high_again_for_the_same_reason() -> None:
    """As the module says: e > 1 wherever p < kappa^(1 / (1 - kappa)) = 1 / 4, and counts 15 times."""
    assert halted_early(True, 0.05) > 0.1


def test_without_hard_negatives_there_is_no_evidence() -> None:
    bank = bank_of(torch.ones(5, 3).bool(), q_halt=torch.full((5, 3), 20.0))[0]
    assert play(bank, Evidence(hard_negatives(bank))).segment_P.tolist() == [5, 5, 5]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha must be a finite number between 0 and 1, got 0"):
        Evidence(POOL, 0)
    with pytest.raises(ValueError, match="kappa must be a finite number between 0 and 1, got 1"):
        Evidence(POOL, kappa=1)
    with pytest.raises(ValueError, match="pool must be sorted"):
        Evidence((2.0, 1.0))
