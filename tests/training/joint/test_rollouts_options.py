"""Actor-critics: what is not the policy's, and the options, by hand.

Shapes: B slots, T segments of a rollout, D width.
"""

from itertools import cycle, islice
from math import log

import pytest
import torch
from chains import Run, never
from rollouts import BOTH, B, D, Log, M, T, a_head, head_gradient
from torch import Tensor

from hrm_rl.banks.synthetic import BANK_B, Chain
from hrm_rl.statistics.survival import coin_entropy
from hrm_rl.training.joint import Seen, Segment
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.joint.prices import Constant
from hrm_rl.training.joint.rollouts import ActorCritic, advantages, normalised

# --- decisions before a minimum -------------------------------------------------------------------


def one_row(*numbers: float) -> Tensor:
    return torch.tensor([numbers])


def test_advantages_end_with_the_value_of_a_decision_that_was_not_the_policys() -> None:
    """By hand, decay 0.5, a cost of 0.1: go on, be made to go on, go on, halt rightly; a new puzzle.

    Last first: 0.7 - 0.4 = 0.3 after the rollout (0.7 - 0.1 for going on, less 0.4: 0.2); the halt
    1 - 0.6 = 0.4; before it -0.1 + 0.6 - 0.3 + 0.5 * 0.4 = 0.4. The third of these is where the
    value 0.9 of the second counts for what follows: -0.1 + 0.9 - 0.5 = 0.3, with no more behind it.
    """
    reward_BT, value_BT = one_row(-0.1, -0.1, -0.1, 1.0, -0.1), one_row(0.5, 0.9, 0.3, 0.6, 0.4)
    halted_BT = torch.tensor([[False, False, False, True, False]])
    own_BT = torch.tensor([[True, False, True, True, True]])
    found_BT = advantages(reward_BT, halted_BT, value_BT, torch.tensor([0.7]), 0.5, own_BT)
    assert found_BT[0].tolist() == pytest.approx([0.3, 0.0, 0.4, 0.4, 0.2])


@BOTH
def test_before_a_minimum_nothing_is_the_policys(kind: type[ActorCritic]) -> None:
    """No gradient of what is decided there, by policy or value; the end of an episode has a value."""
    head = a_head()
    log_ = Log(kind(M, length=T, entropy=0.3), head, minimum=3, cost=0.1).play(T + 1)
    memory, made, policy, value = log_.memory, 0, torch.zeros(D), torch.zeros(D)
    for b in range(B):
        least = 3 if b % 2 else 1
        for t in range(T):
            m, z_D = log_.m[t][b].item(), log_.z[t][b]
            assert memory.old_free_BT[b, t].item() == (least <= m < M)
            if m < least:
                assert not log_.halted[t][b] and memory.old_advantage_BT[b, t] == 0
                made += 1
                continue
            x, p = log_.q[t][b, 0], log_.q[t][b, 0].sigmoid()
            if m < M:
                score = (1 - p) if log_.halted[t][b] else -p
                gain = memory.old_advantage_BT[b, t] * score - 0.3 * x * p * (1 - p)
                policy -= gain * z_D / (B * T)
            value += (log_.q[t][b, 1] - memory.old_return_BT[b, t]) * z_D / (B * T)
    assert made >= 6
    terms = log_.terms[T]
    torch.testing.assert_close(head_gradient(terms["policy"], head)[0], policy)
    torch.testing.assert_close(head_gradient(terms["value"], head)[1], value)


def test_a_ratio_before_a_minimum_is_1_and_cannot_overflow() -> None:
    """A head that was sure to halt when it was made to go on, and is sure to go on now."""
    head = a_head()
    log_ = Log(PPO(M, length=T), head, minimum=M)
    with torch.no_grad():
        head.bias[0] = 200.0
    log_.play(T)
    with torch.no_grad():
        head.bias[0] = -200.0
    memory, m_B = log_.memory, torch.ones(B, dtype=torch.int32)
    z_BD = torch.zeros(B, D)
    segment = Segment(
        seen=Seen(head(z_BD).detach(), z_BD, m_B, never), q_B2=head(z_BD), last_z_BD=z_BD,
        correct_B=m_B > 1, lm_B=torch.zeros(B), halted_B=m_B > 1, free_B=m_B > 0, max_segments=M,
        head=head, peek=never,
    )  # fmt: skip
    rows_B = torch.arange(B) % 2 == 1  # made to go on
    policy_B = log_.learner.learn(memory, segment)[0]["policy"][rows_B]
    assert policy_B.tolist() == [0.0] * 3
    assert head_gradient(policy_B, head).tolist() == [[0.0] * D] * 2


def test_a_minimum_above_1_lets_a_policy_that_always_halts_learn_what_comes_later() -> None:
    """Halting at once for ever, its values of later segments stay where they were without one."""
    learned = []
    for explore in (0.0, 0.5):
        run = Run(PPO(8), BANK_B, explore=explore)
        with torch.no_grad():
            run.head.bias[0] = 9.0
        list(islice(run, 100))
        learned.append(run.head.weight[1].view(2, 8).abs()[:, 1:].amin(0))
    assert (learned[0] == 0).all() and learned[1].max() > 0.05


# --- options --------------------------------------------------------------------------------------


def test_normalised_advantages_by_hand() -> None:
    """Of 1, 3, 5 and 7 the mean is 4 and the deviation sqrt(5); 100 is no free decision's."""
    free_BT = torch.tensor([[True, True, False], [True, True, False]])
    advantage_BT = torch.tensor([[1.0, 3.0, 100.0], [5.0, 7.0, 100.0]])
    found_BT = normalised(advantage_BT, free_BT, lambda part: part)
    expected = torch.tensor([[-3.0, -1.0], [1.0, 3.0]]) / 5**0.5
    torch.testing.assert_close(found_BT[:, :2], expected)
    none = normalised(advantage_BT, torch.zeros_like(free_BT), lambda part: part)
    assert none.isfinite().all(), "where nothing was free there is nothing to divide by"


@BOTH
def test_normalised_by_the_sums_of_all_a_split_batch_has_the_terms_of_the_whole(
    kind: type[ActorCritic],
) -> None:
    """Two parts run one after the other: the first is told what the second would add."""
    learner, minimum = kind(M, length=T, normalise=True), 2
    plain = kind(M, length=T)
    whole = Log(learner, a_head(), minimum=minimum).play(T + 1)
    memory = whole.memory
    free_BT, advantage_BT = memory.old_free_BT, memory.old_advantage_BT
    count, mean = free_BT.sum(), advantage_BT[free_BT].mean()
    square = ((advantage_BT[free_BT] - mean) ** 2).sum()
    answers = cycle([count, mean * count, square])
    for rows in ((0, 2), (2, B)):
        half = Log(learner, a_head(), rows=rows, minimum=minimum, total=lambda part: next(answers))
        found_B = half.play(T + 1).terms[-1]["policy"]
        torch.testing.assert_close(found_B, whole.terms[-1]["policy"][slice(*rows)])
        other = Log(plain, a_head(), rows=rows, minimum=minimum).play(T + 1).terms[-1]
        assert not torch.allclose(found_B, other["policy"])
        torch.testing.assert_close(half.terms[-1]["value"], other["value"])


def test_an_entropy_floor_by_hand() -> None:
    """Of coins of 1/2 and 0.99 (0.693 and 0.056 nats) at a floor of 0.1 the second lacks 0.044."""
    x = torch.tensor([[0.0, log(99)]], requires_grad=True)
    bonus_BT = PPO(M, entropy_floor=0.1).coin_bonus(x)
    h = -0.99 * log(0.99) - 0.01 * log(0.01)
    assert bonus_BT.tolist() == [pytest.approx([0.0, h - 0.1], abs=1e-6)]
    bonus_BT.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [pytest.approx([0.0, -log(99) * 0.99 * 0.01], abs=1e-6)]


def test_an_entropy_floor_is_held_against_the_gain() -> None:
    """Right answers at once: without a floor the coin becomes ever surer to halt, with one it stops there."""
    chain = Chain(4, first=1.0, hazard=1.0)
    for floor, low, high in ((0.0, 0.0, 0.08), (0.2, 0.19, 0.25)):
        run = Run(PPO(4, entropy_floor=floor), chain, explore=0.0, schedule=Constant(0.1), lr=0.1)
        list(islice(run, 300))
        x = run.head(torch.eye(8)[4])[0]  # right after segment 1
        assert low <= coin_entropy(x).item() <= high and x > 0
