"""Actor-critics: advantages, losses and updates against plain loops.

Shapes: B slots, T segments of a rollout, D width.
"""

from itertools import islice
from math import exp, log

import pytest
import torch
from chains import Run
from rollouts import BOTH, B, D, Log, M, T, a_head, head_gradient

from hrm_rl.banks.synthetic import BANK_B
from hrm_rl.statistics.survival import coin_entropy
from hrm_rl.training.joint import JointLearner
from hrm_rl.training.joint.a2c import A2C
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.joint.rollouts import ActorCritic, advantages


def gae(
    reward: list[float], halted: list[bool], value: list[float], last: float, decay: float
) -> list[float]:
    """Generalised advantages by their definition: a sum of decayed errors up to the halt."""
    values, found = [*value, last], []
    for start in range(len(reward)):
        total, weight = 0.0, 1.0
        for t in range(start, len(reward)):
            follows = 0.0 if halted[t] else values[t + 1]
            total += weight * (reward[t] + follows - values[t])
            weight *= decay
            if halted[t]:
                break
        found.append(total)
    return found


def test_advantages_are_those_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(1)
    reward_BT, value_BT = torch.randn(2, B, T, generator=generator)
    halted_BT = torch.rand(B, T, generator=generator) < 0.3
    last_B = torch.randn(B, generator=generator)
    found_BT = advantages(reward_BT, halted_BT, value_BT, last_B, 0.9, torch.ones_like(halted_BT))
    for b in range(B):
        rows = [part[b].tolist() for part in (reward_BT, halted_BT, value_BT)]
        expected = gae(*rows, last_B[b].item(), 0.9)
        assert found_BT[b].tolist() == pytest.approx(expected, abs=1e-5)


@BOTH
def test_a_rollout_is_learned_from_when_the_next_value_is_known(kind: type[ActorCritic]) -> None:
    """Rewards, values and probabilities of the T segments before, bootstrapped by the one after."""
    log_ = Log(kind(M, length=T), a_head(), cost=0.1).play(2 * T + 1, move=0.05)
    memory, steps = log_.memory, range(T, 2 * T)
    for b in range(B):
        reward, halted = ([part[t][b].item() for t in steps] for part in (log_.reward, log_.halted))
        value = [log_.q[t][b, 1].item() for t in steps]
        expected = gae(reward, halted, value, log_.q[2 * T][b, 1].item(), 0.95)
        assert memory.old_advantage_BT[b].tolist() == pytest.approx(expected, abs=1e-5)
        goals = [a + v for a, v in zip(expected, value, strict=True)]
        assert memory.old_return_BT[b].tolist() == pytest.approx(goals, abs=1e-5)
        for i, t in enumerate(steps):
            p = 1 / (1 + exp(-log_.q[t][b, 0].item()))
            done = p if halted[i] else 1 - p
            assert memory.old_log_p_BT[b, i].item() == pytest.approx(log(done), abs=1e-5)
            assert memory.old_free_BT[b, i].item() == (log_.m[t][b].item() < M)
            assert torch.equal(memory.old_z_BTD[b, i], log_.z[t][b])


@BOTH
def test_nothing_is_lost_in_the_first_rollout(kind: type[ActorCritic]) -> None:
    log_ = Log(kind(M, length=T), a_head()).play(T + 1)
    for terms in log_.terms[:T]:
        assert all((term == 0).all() for term in terms.values())
    assert all((term != 0).any() for term in log_.terms[T].values())


def test_ppo_learns_at_every_step_and_a2c_at_every_T_th() -> None:
    ppo, a2c = (Log(kind(M, length=T), a_head()).play(4 * T) for kind in (PPO, A2C))
    learned = [[bool((terms["value"] != 0).any()) for terms in log_.terms] for log_ in (ppo, a2c)]
    assert learned[0] == [t >= T for t in range(4 * T)]
    assert learned[1] == [t >= T and t % T == 0 for t in range(4 * T)]


def test_first_gradient_is_the_policy_gradient_for_both() -> None:
    """At a ratio of 1: minus the mean of A * d log pi, over free decisions; not of forced halts."""
    gradients = []
    for kind in (PPO, A2C):
        head = a_head()
        log_ = Log(kind(M, length=T), head).play(T + 1)
        gradients.append(head_gradient(log_.terms[T]["policy"], head))
    torch.testing.assert_close(gradients[0], gradients[1])
    expected = torch.zeros(D)
    memory, forced = log_.memory, 0
    for b in range(B):
        for t in range(T):
            p = log_.q[t][b, 0].sigmoid()
            score = (1 - p) if log_.halted[t][b] else -p  # d log pi / d logit
            forced += int(log_.m[t][b] == M)
            if log_.m[t][b] < M:
                expected -= memory.old_advantage_BT[b, t] * score * log_.z[t][b] / (B * T)
    assert forced
    torch.testing.assert_close(gradients[0][0], expected)
    assert (gradients[0][1] == 0).all()


def test_value_loss_by_hand() -> None:
    head = a_head()
    log_ = Log(PPO(M, length=T), head).play(T + 1)
    memory = log_.memory
    error_BT = (head(memory.old_z_BTD)[..., 1] - memory.old_return_BT).double()
    assert log_.terms[T]["value"].tolist() == pytest.approx((0.5 * (error_BT**2).mean(1)).tolist())


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain"),
    [(1.5, 2.0, 2.4), (1.1, 2.0, 2.2), (0.5, 2.0, 1.0), (0.5, -2.0, -1.6), (1.5, -2.0, -3.0)],
)
def test_clipping_by_hand(ratio: float, advantage: float, gain: float) -> None:
    """Clip 0.2: no gain beyond 1.2 or below 0.8 in the direction that is wanted."""
    one = torch.ones(1, 1)
    found = PPO(M).surrogate(one * log(ratio), 0 * one, one * advantage)
    assert found.item() == pytest.approx(gain)


def test_entropy_bonus_lowers_the_loss_of_free_decisions() -> None:
    plain, bonus = (
        Log(PPO(M, length=T, entropy=e), a_head()).play(T + 1).terms[T]["policy"] for e in (0, 0.5)
    )
    log_ = Log(PPO(M, length=T), a_head()).play(T + 1)
    free_BT, z_BTD = log_.memory.old_free_BT, log_.memory.old_z_BTD
    h_BT = torch.where(free_BT, coin_entropy(log_.head(z_BTD)[..., 0]), 0)
    torch.testing.assert_close(plain - bonus, 0.5 * h_BT.mean(1))


@BOTH
def test_a_joined_batch_has_the_terms_of_its_halves(kind: type[ActorCritic]) -> None:
    """No statistic of the batch comes in: what data-parallel processes need."""
    learner = kind(M, length=T)
    whole, *halves = (
        Log(learner, a_head(), rows=rows, cost=0.1).play(2 * T + 1, move=0.02).terms[-1]
        for rows in ((0, B), (0, 2), (2, B))
    )
    for name, term_B in whole.items():
        parts = torch.cat([half[name] for half in halves])
        torch.testing.assert_close(parts, term_B)


def test_decisions_are_drawn_with_the_probability_of_the_head() -> None:
    """P(halt) of 1/4 up to the forced halt at 8: lengths are geometric."""
    learner: JointLearner = PPO(8)
    run = Run(learner, BANK_B, slots=500, lr=0.0, explore=0.0)
    with torch.no_grad():
        run.head.bias[0] = log(1 / 3)
    list(islice(run, 80))
    shares = [run.lengths.count(m) / len(run.lengths) for m in range(1, 9)]
    expected = [0.25 * 0.75**m for m in range(7)] + [0.75**7]
    assert shares == pytest.approx(expected, abs=0.015)


def test_first_p_of_halting_is_one_in_max_segments() -> None:
    assert PPO(16).bias == (pytest.approx(log(1 / 15)), 0.0)
    assert A2C(1).bias == (0.0, 0.0)
