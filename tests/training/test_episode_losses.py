"""Rules that the learners of both regimes share: numbers worked out by hand.

Shapes: B slots, M segments.
"""

from math import log

import pytest
import torch

from hrm_rl.statistics.survival import halting_until
from hrm_rl.training.episode_losses import (
    divergence,
    divergence_until,
    expected,
    graves_loss,
    graves_weights,
    prior,
    rare_halt,
)


@pytest.mark.parametrize("max_segments", [1, 2, 8, 64])
def test_first_p_of_halting_is_one_in_max_segments(max_segments: int) -> None:
    halt = torch.tensor(rare_halt(max_segments)).sigmoid().item()
    assert halt == pytest.approx(1 / max(max_segments, 2))  # of one segment nothing is decided


def test_expected_worth_by_hand() -> None:
    p_BM = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    assert expected(p_BM, torch.tensor([[0.0, 0.9, 0.8]] * 2)).tolist() == pytest.approx(
        [0.425, 0.8]
    )


# --- PonderNet ------------------------------------------------------------------------------------


def test_priors_by_hand() -> None:
    assert prior(3, 0.5).tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert prior(4, None).tolist() == [0.25] * 4
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(
            ValueError, match=rf"lambda_p must be a finite number between 0 and 1, got {wrong}"
        ):
            prior(3, wrong)


def test_divergence_of_a_cut_episode_counts_what_comes_later_as_one_outcome() -> None:
    """Coins of 1/2 and 1/2 against a prior (0.4, 0.3, 0.2, 0.1): 1/2, 1/4 and 1/4 left, against 0.3."""
    prior_M = torch.tensor([0.4, 0.3, 0.2, 0.1])
    kl_B = divergence_until(torch.zeros(1, 4), torch.tensor([2]), prior_M)
    outcomes = [(0.5, 0.4), (0.25, 0.3), (0.25, 0.3)]
    assert kl_B.item() == pytest.approx(sum(p * log(p / g) for p, g in outcomes))


@pytest.mark.parametrize("lambda_p", [0.2, 0.9, None])
def test_where_nothing_was_cut_both_divergences_are_one(lambda_p: float | None) -> None:
    generator = torch.Generator().manual_seed(0)
    logit_BM = 2 * torch.randn(9, 6, generator=generator, dtype=torch.float64)
    prior_M, m_B = prior(6, lambda_p).double(), torch.full((9,), 6)
    torch.testing.assert_close(
        divergence(halting_until(logit_BM, m_B), prior_M), divergence_until(logit_BM, m_B, prior_M)
    )


# --- Graves ---------------------------------------------------------------------------------------


def weights(h_BM: torch.Tensor, m: int) -> tuple[torch.Tensor, torch.Tensor]:
    return graves_weights(h_BM, h_BM.cumsum(1) - h_BM, torch.full((len(h_BM),), m))


@pytest.mark.parametrize(
    ("h", "m", "p", "ponder"),
    [
        ([0.3, 0.6, 0.2, 0.4], 4, [0.3, 0.6, 0.1, 0.0], 3.1),
        ([0.1, 0.1, 0.1, 0.1], 4, [0.1, 0.1, 0.1, 0.7], 4.7),
        ([0.1, 0.1, 0.9, 0.9], 2, [0.1, 0.9, 0.0, 0.0], 2.9),
        ([0.995, 0.5, 0.5, 0.5], 4, [1.0, 0.0, 0.0, 0.0], 2.0),
    ],
    ids=["N = 3", "to the end", "cut", "at once"],
)
def test_graves_weights_by_hand(h: list[float], m: int, p: list[float], ponder: float) -> None:
    p_BM, ponder_B = weights(torch.tensor([h]), m)
    assert p_BM[0].tolist() == pytest.approx(p)
    assert ponder_B.item() == pytest.approx(ponder)


def test_graves_loss_and_its_gradient_by_hand() -> None:
    """d loss / d h_n = L_n - L_N - tau before N, and 0 from there on; N itself has no gradient."""
    h_BM = torch.tensor([[0.3, 0.6, 0.2, 0.4, 0.4]], requires_grad=True)
    L1, L2, L3, *_ = cost = [0.9, 0.5, 0.2, 0.7, 0.1]
    loss_B = graves_loss(*weights(h_BM, 5), torch.tensor([cost]), 0.05)
    loss_B.sum().backward()
    assert loss_B.item() == pytest.approx(0.3 * L1 + 0.6 * L2 + 0.1 * L3 + 0.05 * 3.1)
    expected_slopes = [L1 - L3 - 0.05, L2 - L3 - 0.05, 0, 0, 0]
    assert h_BM.grad[0].tolist() == pytest.approx(expected_slopes, abs=1e-6)
