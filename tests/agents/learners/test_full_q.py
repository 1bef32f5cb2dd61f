"""Full-feedback Q-learning and fitted Q iteration: targets by hand, and both edges.

Shapes: K segments, P puzzles.
"""

import math

import pytest
import torch

from hrm_rl.agents.learners import fqi, full_q
from hrm_rl.agents.learners.fitting import full_feedback
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.synthetic import bank_b


def bce(p: float, target: float) -> float:
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


# One puzzle, right at segment 2 alone; Q and the target network's Q, (halt, continue), as values.
RIGHT_KP = torch.tensor([[False], [True], [False]])
Q = [[0.5, 0.6], [0.8, 0.7], [0.4, 0.9]]
LATER = [[0.1, 0.1], [0.3, 0.9], [0.2, 0.9]]


def as_logits(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows)[:, None].logit()


@pytest.mark.parametrize(("double", "first_target"), [(False, 0.9), (True, 0.3)])
def test_full_q_loss_by_hand(double: bool, first_target: float) -> None:
    """Continuing from 1 is worth the target's better one, or what it says of Q's better one.

    From 2 it is worth the target's Q_halt, although Q_continue is more: 3 is the end.
    """
    got = full_q.full_q_loss(as_logits(Q), as_logits(LATER), RIGHT_KP, 0.0, double)
    halting = (bce(0.5, 0) + bce(0.8, 1) + bce(0.4, 0)) / 3
    going_on = (bce(0.6, first_target) + bce(0.7, 0.2)) / 2
    assert got.item() == pytest.approx(halting + going_on)


def test_full_q_loss_at_a_step_cost_by_hand() -> None:
    """0.25 a segment: returns in [-0.5, 1] become (r + 0.5) / 1.5, a segment costs 1/6."""
    got = full_q.full_q_loss(as_logits(Q), as_logits(LATER), RIGHT_KP, 0.25)
    halting = (bce(0.5, 1 / 3) + bce(0.8, 1) + bce(0.4, 1 / 3)) / 3
    going_on = (bce(0.6, 0.9 - 1 / 6) + bce(0.7, 0.2 - 1 / 6)) / 2
    assert got.item() == pytest.approx(halting + going_on)


def test_targets_carry_no_gradient() -> None:
    later_KP2 = as_logits(LATER).requires_grad_()
    q_KP2 = as_logits(Q).requires_grad_()
    full_q.full_q_loss(q_KP2, later_KP2, RIGHT_KP, 0.0).backward()
    assert later_KP2.grad is None
    assert q_KP2.grad[-1, 0, 1] == 0  # continuing from the end means nothing
    values = torch.tensor(LATER)[:, None].requires_grad_()
    fqi.fitted_q_loss(torch.tensor(Q)[:, None].requires_grad_(), values, RIGHT_KP, 0.1).backward()
    assert values.grad is None


def test_fitted_q_loss_by_hand() -> None:
    """Targets of continuing: 0.9 - 0.1, and at the end 0.2 - 0.1."""
    q_MP2, last_MP2 = torch.tensor(Q)[:, None], torch.tensor(LATER)[:, None]
    got = fqi.fitted_q_loss(q_MP2, last_MP2, RIGHT_KP, 0.1)
    halting = (0.5**2 + 0.2**2 + 0.4**2) / 3
    assert got.item() == pytest.approx(halting + (0.2**2 + 0.6**2) / 2)


def test_the_papers_edge_needs_one_segment_more() -> None:
    seen = full_feedback(play_on(bank_b(10), observation="o"))
    assert full_q.learnt_horizon(seen, "exact") == 8
    with pytest.raises(ValueError, match=r"max_segments \+ 1 = 9, which the bank lacks"):
        full_q.learnt_horizon(seen, "paper")
    longer = full_feedback(play_on(bank_b(10, 9), observation="o", max_segments=8))
    assert full_q.learnt_horizon(longer, "paper") == 9
    with pytest.raises(ValueError, match='edge must be "exact" or "paper", got "cliff"'):
        full_q.learnt_horizon(seen, "cliff")
