"""Targets and loss of the Q-head: numbers worked out by hand, and what scale returns have.

Shapes: B slots.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.training import q_targets


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_halt_target_is_whether_it_is_right():
    assert q_targets.halt_target(torch.tensor([True, False])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("edge", "expected"),
    [  # the next Q is (0.2, 0.7): the maximum, or Q_halt where there is nothing but halting
        ("exact", [0.7, 0.7, 0.2, 0.2]),
        ("paper", [0.7, 0.7, 0.7, 0.2]),
    ],
)
def test_continue_target_by_hand(edge, expected):
    """At most 4 segments: only the paper gives segment 4 a target of use, from a segment 5."""
    next_q_B2 = torch.tensor([[logit(0.2), logit(0.7)]]).expand(4, 2)
    got = q_targets.continue_target(next_q_B2, torch.arange(1, 5), 4, edge)
    assert got.tolist() == pytest.approx(expected)


def test_continue_target_takes_the_better_output():
    next_q_B2 = torch.tensor([[logit(0.9), logit(0.7)], [logit(0.1), logit(0.7)]])
    got = q_targets.continue_target(next_q_B2, torch.tensor([1, 1]), 16)
    assert got.tolist() == pytest.approx([0.9, 0.7])


def test_targets_at_a_step_cost_by_hand():
    """Step cost 0.25 and M = 5: returns in [-1, 1] become (r + 1) / 2, and a segment costs 0.125.

    Next Q of 0.75 and 0.5 stand for returns of 0.5 and 0; at m = 4 only halting is left. The last
    one is clipped.
    """
    halt_B = q_targets.halt_target(torch.tensor([True, False, False]), 5, 0.25)
    assert halt_B.tolist() == [1.0, 0.5, 0.5]
    next_q_B2 = torch.tensor([(0.5, 0.75), (0.5, 0.75), (0.05, 0.05)]).logit()
    got = q_targets.continue_target(next_q_B2, torch.tensor([1, 4, 1]), 5, step_cost=0.25)
    assert got.tolist() == pytest.approx([0.625, 0.375, 0.0])


@given(st.integers(0, 99), st.sampled_from(["exact", "paper"]))
def test_targets_are_the_papers_at_step_cost_0(seed, edge):
    """To the bit: nothing is added to them and nothing taken off."""
    generator = torch.Generator().manual_seed(seed)
    correct_B = torch.rand(6, generator=generator) < 0.5
    m_B = torch.randint(1, 5, (6,), generator=generator)
    next_q_B2 = torch.randn(6, 2, generator=generator)
    assert torch.equal(q_targets.halt_target(correct_B, 5, 0.0), correct_B.float())
    last_B = m_B >= (5 if edge == "paper" else 4)
    best_B = torch.where(last_B, next_q_B2[:, 0], next_q_B2.amax(-1)).sigmoid()
    assert torch.equal(q_targets.continue_target(next_q_B2, m_B, 5, edge), best_B)


@given(st.floats(0, 0.5), st.integers(2, 32))
def test_rescaling_is_affine_onto_the_unit_interval_and_back(step_cost, max_segments):
    c = step_cost * (max_segments - 1)
    returns = torch.linspace(-c, 1, 7, dtype=torch.float64)
    moved = q_targets.rescaled(returns, max_segments, step_cost)
    assert moved.tolist() == pytest.approx([n / 6 for n in range(7)], abs=1e-6)
    inner = moved[1:-1].logit()[:, None].expand(-1, 2)
    back = q_targets.returned(inner, max_segments, step_cost)
    torch.testing.assert_close(back, returns[1:-1, None].expand(-1, 2))


def test_unknown_edge_is_refused():
    with pytest.raises(ValueError, match='edge must be "exact" or "paper", got "cliff"'):
        q_targets.continue_target(torch.zeros(1, 2), torch.tensor([1]), 4, "cliff")


def test_targets_carry_no_gradient():
    q_B2 = torch.zeros(3, 2, requires_grad=True)
    assert not q_targets.continue_target(q_B2, torch.tensor([1, 2, 3]), 4).requires_grad
    q_targets.q_loss(q_B2[:, 0], q_B2[:, 1].sigmoid()).sum().backward()
    assert q_B2.grad[:, 1].tolist() == [0, 0, 0]


def test_q_loss_by_hand():
    """BCE(0.8, 1) = -ln 0.8 and BCE(0.8, 0.25) = -(ln 0.8) / 4 - 3 (ln 0.2) / 4."""
    got = q_targets.q_loss(torch.full((2,), logit(0.8)), torch.tensor([1.0, 0.25]))
    expected = [-math.log(0.8), -0.25 * math.log(0.8) - 0.75 * math.log(0.2)]
    assert got.tolist() == pytest.approx(expected)
