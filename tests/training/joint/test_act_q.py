"""The paper's Q-learning and TRM's rule: which targets they take when, and their fixed points.

Shapes: B slots.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.training.joint import JointLearner, Seen, Segment, Terms
from hrm_rl.training.joint.act_q import ActQ
from hrm_rl.training.joint.halt_bce import HaltBCE
from hrm_rl.training.joint.learner import Nothing

M = 4


def never() -> torch.Tensor:
    raise AssertionError("no extra forward was asked for")


def segment(
    q_B2: torch.Tensor,
    correct_B: torch.Tensor,
    m: int,
    last_q_B2: torch.Tensor | None = None,
    peek: Callable[[], torch.Tensor] = never,
) -> Segment:
    """Vectors are the outputs themselves: the head is the identity."""
    m_B = torch.full(q_B2.shape[:1], m)
    seen = Seen(q_B2.detach(), q_B2.detach(), m_B, never)
    last_z_BD = q_B2.detach() if last_q_B2 is None else last_q_B2
    return Segment(
        seen=seen, q_B2=q_B2, last_z_BD=last_z_BD, correct_B=correct_B, lm_B=torch.zeros(len(m_B)),
        halted_B=m_B >= M, free_B=m_B < M, max_segments=M, head=lambda z_BD: z_BD, peek=peek,
    )  # fmt: skip


def losses(learner: JointLearner, of: Segment) -> Terms:
    return learner.learn(Nothing(), of)[0]


def decisions(learner: JointLearner, q_B2: torch.Tensor) -> list[bool]:
    m_B = torch.ones(len(q_B2), dtype=torch.int32)
    return learner.decide(Nothing(), Seen(q_B2, q_B2, m_B, never), never)[0].tolist()


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["exact", "paper"])
def test_extra_and_delayed_take_the_same_targets(edge):
    """With weights that stay, the next segment's own Q is what the extra forward would say."""
    q_MB2 = torch.randn(M + 1, 5, 2, generator=torch.Generator().manual_seed(0))
    right_B = torch.tensor([True, False, True, False, True])
    extra, delayed = (ActQ(M, edge, bootstrap) for bootstrap in ("extra", "delayed"))
    for m in range(1, M):  # q_MB2[m - 1] is seen after segment m
        now = segment(q_MB2[m - 1], right_B, m, peek=lambda m=m: q_MB2[m])
        then = segment(q_MB2[m], right_B, m + 1, last_q_B2=q_MB2[m - 1])
        a, b = losses(extra, now), losses(delayed, then)
        torch.testing.assert_close(a["q_continue"], b["q_continue"], rtol=0, atol=0)
        assert a["q_continue"].min() > 0


def test_delayed_has_no_continue_target_for_a_puzzle_just_dealt():
    first = segment(torch.zeros(2, 2), torch.tensor([True, False]), 1)
    terms = losses(ActQ(M, bootstrap="delayed"), first)
    assert terms["q_continue"].tolist() == [0, 0]
    assert terms["q_halt"].tolist() == pytest.approx([math.log(2)] * 2)


def test_act_q_loss_by_hand():
    """Right at Q_halt = 0.5, which costs ln 2; the next Q is (0.2, 0.7), so the target is 0.7."""
    next_q_B2 = torch.tensor([[0.2, 0.7]]).logit()
    now = segment(torch.tensor([[0.0, 1.0]]), torch.tensor([True]), 1, peek=lambda: next_q_B2)
    terms = losses(ActQ(M), now)
    assert terms["q_halt"].item() == pytest.approx(math.log(2))
    p = 1 / (1 + math.exp(-1))
    expected = -0.7 * math.log(p) - 0.3 * math.log(1 - p)
    assert terms["q_continue"].item() == pytest.approx(expected)


def test_gradient_reaches_both_outputs_and_no_target():
    q_B2 = torch.zeros(1, 2, requires_grad=True)
    next_q_B2 = torch.ones(1, 2, requires_grad=True)
    now = segment(q_B2, torch.tensor([True]), 1, peek=lambda: next_q_B2)
    sum(losses(ActQ(M), now).values()).sum().backward()
    assert q_B2.grad.tolist() == [pytest.approx([-0.5, 0.5 - next_q_B2[0, 0].sigmoid().item()])]
    assert next_q_B2.grad is None


def test_with_one_segment_there_is_nothing_to_continue_to():
    assert losses(ActQ(1), segment(torch.zeros(1, 2), torch.tensor([True]), 1)).keys() == {"q_halt"}


def test_decisions():
    q_B2 = torch.tensor([[2.0, 3.0], [-1.0, -2.0], [0.5, 0.5]])
    assert decisions(ActQ(M), q_B2) == [False, True, False]
    assert decisions(ActQ(M, tie="halt"), q_B2) == [False, True, True]
    assert decisions(HaltBCE(), q_B2) == [True, False, True]


def test_halt_bce_learns_from_being_right_alone():
    """BCE at a logit of 0 is ln 2 whatever the target; at ln 3 (3/4) it is -ln 3/4 or -ln 1/4."""
    q_B2 = torch.tensor([[0.0, 9.0], [math.log(3), 9.0], [math.log(3), 9.0]])
    terms = losses(HaltBCE(), segment(q_B2, torch.tensor([True, True, False]), 1))
    assert terms.keys() == {"q_halt"}
    assert terms["q_halt"].tolist() == pytest.approx([math.log(2), -math.log(0.75), math.log(4)])


def test_unknown_bootstrap_is_refused():
    with pytest.raises(ValueError, match='bootstrap must be "extra" or "delayed", got "none"'):
        ActQ(M, bootstrap="none")


# --- the ln 2 law ---------------------------------------------------------------------------------
# A state that continues to itself, right for ever. The halt logit a climbs to infinity and the
# continue logit b after it; a - b tends to ln 2. That lag alone makes the paper's rule halt.

RATE = 0.5


def gradient(a: float, b: float, right: bool) -> tuple[float, float]:
    """d loss / d (a, b) of the library's own loss at a self-loop far from the last segment."""
    q_B2 = torch.tensor([[a, b]], dtype=torch.float64, requires_grad=True)
    now = segment(q_B2, torch.tensor([right]), 1, peek=lambda: q_B2)
    sum(losses(ActQ(16), now).values()).sum().backward()
    return tuple(q_B2.grad[0].tolist())


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def closed_form(a: float, b: float, right: bool) -> tuple[float, float]:
    return sigmoid(a) - right, sigmoid(b) - sigmoid(max(a, b))


def descend(a: float, b: float, steps: int, right: bool = True) -> tuple[float, float]:
    """Gradient descent by the closed form, which is a hundred times as fast as torch."""
    for _ in range(steps):
        da, db = closed_form(a, b, right)
        a, b = a - RATE * da, b - RATE * db
    return a, b


@given(st.floats(-15, 15), st.floats(-15, 15), st.booleans())
def test_closed_form_is_the_gradient_of_the_loss(a, b, right):
    # Targets are fp32, as the networks are.
    assert gradient(a, b, right) == pytest.approx(closed_form(a, b, right), abs=1e-6)


def test_logits_of_a_solved_state_end_ln_2_apart():
    a, b = torch_descent(-5.0, -5.0, 1000)
    assert a - b == pytest.approx(0.6975, abs=0.002)
    a, b = descend(-5.0, -5.0, 100_000)
    assert a - b == pytest.approx(0.6932, abs=0.001)


def torch_descent(a: float, b: float, steps: int) -> tuple[float, float]:
    for _ in range(steps):
        da, db = gradient(a, b, right=True)
        a, b = a - RATE * da, b - RATE * db
    return a, b


def test_logits_end_ln_2_apart_from_an_optimistic_start_too():
    gaps = {steps: np.subtract(*descend(-5.0, 5.0, steps)) for steps in (100, 1000, 10_000)}
    assert gaps[100] < 0
    assert gaps[1000] > 0.55
    assert gaps[10_000] == pytest.approx(0.6926, abs=0.003)


def test_hopeless_state_never_gives_up():
    """Never right: a falls, b is its own target and stays where it was, so the rule continues."""
    a, b = descend(-5.0, -5.0, 10_000, right=False)
    assert abs(b - -5.0) < 1e-6
    assert a < b and decisions(ActQ(16), torch.tensor([[a, b]])) == [False]
    assert gradient(-7.0, -5.0, right=False)[1] == pytest.approx(0, abs=1e-8)


def test_target_is_detached_in_the_self_loop():
    """If it were not, the continue loss would pull a down as well."""
    da, _ = gradient(2.0, 0.0, right=True)
    assert da == pytest.approx(sigmoid(2.0) - 1)
