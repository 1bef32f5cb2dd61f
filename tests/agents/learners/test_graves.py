"""Graves' ACT: weights, ponder cost and both read-outs by hand."""

import pytest
import torch

from hrm_rl.agents.learners import graves
from hrm_rl.agents.learners.graves import ActPolicy
from hrm_rl.banks.bank import observe, play
from hrm_rl.banks.synthetic import bank_a, bank_c


@pytest.mark.parametrize(
    ("h", "weights", "ponder"),
    [
        ([0.3, 0.6, 0.2], [0.3, 0.6, 0.1, 0.0], 3.1),
        ([0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7], 4.7),
        ([0.995, 0.5, 0.5], [1.0, 0.0, 0.0, 0.0], 2.0),
    ],
)
def test_weights_and_ponder_cost_by_hand(
    h: list[float], weights: list[float], ponder: float
) -> None:
    p_MP, ponder_P = graves.act_weights(torch.tensor(h)[:, None])
    assert p_MP[:, 0].tolist() == pytest.approx(weights)
    assert ponder_P.item() == pytest.approx(ponder)


def test_loss_and_its_gradient_by_hand() -> None:
    """Weights (0.3, 0.6, 0.1), right from segment 2: an error of 0.3, and 0.01 * 3.1.

    h_1 moves weight from the last answer, which is right, to the first, which is wrong; h_2 to one
    that is right too; both lower R. h_3 comes into nothing.
    """
    h_DP = torch.tensor([[0.3], [0.6], [0.2]], requires_grad=True)
    correct_MP = torch.tensor([[False], [True], [True], [True]])
    loss = graves.act_loss(h_DP, correct_MP, 0.01)
    loss.backward()
    assert loss.item() == pytest.approx(0.331)
    assert h_DP.grad[:, 0].tolist() == pytest.approx([1 - 0.01, -0.01, 0.0])


class Constant(torch.nn.Module):
    """Says that h is 0.4 after every segment."""

    def forward(self, obs_BF: torch.Tensor) -> torch.Tensor:
        return torch.full((len(obs_BF), 1), 0.4).logit()


def test_it_halts_where_the_sum_is_reached() -> None:
    """0.4 + 0.4 + 0.4 >= 0.99: after 3 segments, for every puzzle."""
    bank = bank_a(50, 6)
    assert play(bank, ActPolicy(Constant(), "o")).segment_P.tolist() == [3] * 50
    with pytest.raises(ValueError, match=r"ActPolicy remembers .* call begin\(rows\)"):
        ActPolicy(Constant(), "o")(observe(bank, "o", 1), torch.ones(50).long())


def test_the_mixture_is_a_weighted_vote() -> None:
    """Weights 0.4, 0.4, 0.2 of one token: right where one of the first two and another is."""
    bank = bank_c(400, 6)
    right = graves.mixture_right(bank, ActPolicy(Constant(), "o"))
    weight_M1 = torch.tensor([[0.4], [0.4], [0.2]])
    expected = (weight_M1 * bank.correct_MP[:3]).sum(0) > 0.5
    assert torch.equal(right, expected)
    assert 0 < right.sum() < bank.correct_MP[2].sum()  # the last answer alone would be better
