"""The paper's Q-learning: its update by hand, what it must find, and that a seed decides all.

Shapes: B slots, F features.
"""

import math

import pytest
import torch
from banks import bank_a, value_on_bank_a
from scripted import PUZZLES, Scripted

from hrm_rl.agents.learners import act_q
from hrm_rl.agents.learners.fitting import Feedback
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training import q_targets

M = 5


def logits(*rows: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(rows).logit()


# --- the loss -------------------------------------------------------------------------------------


def decision(**changes: torch.Tensor) -> act_q.Decision:
    """Two slots: the first continued from segment 1 to 2, wrong and then right."""
    fields = {
        "obs_BF": torch.tensor([[0.0], [1.0]]),
        "correct_B": torch.tensor([False, True]),
        "m_B": torch.tensor([1, 3]),
        "puzzle_B": torch.tensor([0, 1]),
        "next_obs_BF": torch.tensor([[2.0], [3.0]]),
        "next_correct_B": torch.tensor([True, False]),
        "continued_B": torch.tensor([True, False]),
        "forced_B": torch.tensor([False, False]),
    }
    return act_q.Decision(**{**fields, **changes})


def network(obs_BF: torch.Tensor) -> torch.Tensor:
    """Q (halt, continue) of observations 0, 1, 2, 3, as a table."""
    table = logits((0.5, 0.5), (0.8, 0.1), (0.25, 0.75), (0.9, 0.6))
    return table[obs_BF[:, 0].long()]


def bce(p: float, target: float) -> float:
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def test_loss_by_hand():
    """Halting: 0.5 against 0, 0.8 against 1. Continuing: 0.5 against 0.75, and one that did not."""
    got = act_q.q_learning_loss(network, decision(), M, 0.0)
    assert got.item() == pytest.approx((bce(0.5, 0) + bce(0.8, 1) + bce(0.5, 0.75)) / 2)


def test_loss_of_a_forced_halt_by_hand():
    """Continuing from 4 to the last segment: only halting follows, and that is learnt there too."""
    forced = decision(m_B=torch.tensor([4, 3]), forced_B=torch.tensor([True, False]))
    got = act_q.q_learning_loss(network, forced, M, 0.0)
    expected = bce(0.5, 0) + bce(0.8, 1) + bce(0.5, 0.25) + bce(0.25, 1)
    assert got.item() == pytest.approx(expected / 2)


def test_no_gradient_reaches_the_next_observation():
    q_42 = logits((0.5, 0.5), (0.8, 0.1), (0.25, 0.75), (0.9, 0.6)).requires_grad_()
    act_q.q_learning_loss(lambda obs_BF: q_42[obs_BF[:, 0].long()], decision(), M, 0.0).backward()
    expected = torch.tensor([[0.5, -0.25], [-0.2, 0.0], [0.0, 0.0], [0.0, 0.0]]) / 2
    torch.testing.assert_close(q_42.grad, expected)


def test_a_hopeless_state_gives_up_at_a_step_cost():
    """The self-loop on which the paper's rule goes on for ever: at step cost 0.02 it must halt."""
    q_B2 = torch.full((1, 2), -5.0, requires_grad=True)
    optimizer = torch.optim.SGD([q_B2], lr=0.5)
    never = torch.tensor([False])
    for _ in range(300):
        now = decision()._replace(
            obs_BF=torch.zeros(1, 1), correct_B=never, m_B=torch.tensor([1]),
            puzzle_B=torch.tensor([0]),
            next_obs_BF=torch.zeros(1, 1), next_correct_B=never,
            continued_B=~never, forced_B=never,
        )  # fmt: skip
        optimizer.zero_grad()
        act_q.q_learning_loss(lambda obs: q_B2.expand(len(obs), 2), now, 16, 0.02).backward()
        optimizer.step()
    c = 0.02 * 15
    halt, go_on = ((1 + c) * q_B2.detach().sigmoid()[0] - c).tolist()
    assert halt == pytest.approx(0, abs=0.01)  # giving up is worth 0
    assert go_on == pytest.approx(-0.02, abs=0.01)  # a segment more, and then giving up


def test_loss_beyond_by_hand():
    """The paper's edge at the last segment, M = 5: Q_continue from Q_halt of segment 6, learnt too.

    The first puzzle was forced to halt after seeing 2 (Q 0.25, 0.75) and would show 3 (Q 0.9, 0.6),
    and be wrong. The second was not.
    """
    obs_MPF = torch.zeros(M + 1, 2, 1)
    obs_MPF[M] = 3.0
    seen = Feedback(obs_MPF, torch.zeros(M + 1, 2, dtype=torch.bool), M, 0.0)
    forced = decision(forced_B=torch.tensor([True, False]))
    got = act_q.loss_beyond(network, forced, seen)
    assert got.item() == pytest.approx((bce(0.75, 0.9) + bce(0.9, 0)) / 2)


def test_the_papers_edge_needs_one_segment_more():
    seen = Feedback(torch.zeros(M, 2, 1), torch.zeros(M, 2, dtype=torch.bool), M, 0.0)
    with pytest.raises(ValueError, match=r"max_segments \+ 1 = 6, which the bank lacks"):
        act_q.loss_beyond(network, decision(), seen)


# --- the law of ln 2 ------------------------------------------------------------------------------


def self_loop(
    steps: int, starts: list[tuple[float, float]], right: bool = True, gamma: float = 1.0
) -> list[list[float]]:
    """Logits (halt, continue) of states that lead to themselves, by the paper's loss and SGD at 0.5.

    The gradient of BCE is sigmoid(logit) - target.
    """
    q_B2 = torch.tensor(starts, dtype=torch.float64)
    for _ in range(steps):
        best_B = q_targets.continue_target(q_B2, torch.ones(len(starts)).long(), M)
        target_B2 = torch.stack([torch.full_like(best_B, float(right)), gamma * best_B], -1)
        q_B2 = q_B2 - 0.5 * (q_B2.sigmoid() - target_B2)
    return q_B2.tolist()


def test_right_for_good_the_halt_logit_leads_by_ln_2():
    """Which is why the paper's rule halts: a lag of the bootstrap, since both are worth 1."""
    [[halt, go_on]] = self_loop(1000, [(-5.0, -5.0)])
    assert halt - go_on == pytest.approx(0.6975, abs=0.002)
    [[halt, go_on]] = self_loop(100, [(-5.0, 5.0)])
    assert halt < go_on
    [[halt, go_on]] = self_loop(10_000, [(-5.0, 5.0)])
    assert halt - go_on == pytest.approx(0.6926, abs=0.003)


@pytest.mark.slow
def test_the_lead_stays_ln_2_and_a_discount_ends_it():
    [[halt, go_on]] = self_loop(100_000, [(-5.0, -5.0)])
    assert halt - go_on == pytest.approx(math.log(2), abs=0.001)
    [[_, go_on]] = self_loop(100_000, [(-5.0, -5.0)], gamma=0.97)
    assert go_on == pytest.approx(3.475, abs=0.01)  # logit(0.97)


def test_hopeless_and_free_the_papers_rule_goes_on():
    """Without a step cost nothing moves Q_continue: it is its own target, and stays above Q_halt."""
    [[halt, go_on]] = self_loop(1000, [(-5.0, -5.0)], right=False)
    assert go_on == pytest.approx(-5, abs=1e-6)
    assert halt < go_on


# --- learning -------------------------------------------------------------------------------------


def test_gives_up_where_it_should():
    """At 0.05 a segment the best is 0.5998, and halting at right answers alone gives 0.5544."""
    bank, puzzles = bank_a(20_000)
    env = HaltingVectorEnv(
        64, bank=bank, puzzles=puzzles, observation="q", step_cost=0.05, autoreset_mode="SameStep"
    )
    policy = act_q.learn(env, steps=30_000, seed=0)
    assert value_on_bank_a(policy, 0.05) > 0.5998 - 0.01


@pytest.mark.parametrize("output", ["numpy", "torch"])
def test_one_seed_gives_one_policy_whatever_the_output(output):
    def learned(seed: int, output: str) -> torch.Tensor:
        env = HaltingVectorEnv(
            4, model=Scripted(), puzzles=PUZZLES, max_segments=4, autoreset_mode="SameStep",
            output=output,
        )  # fmt: skip
        policy = act_q.learn(env, steps=80, seed=seed)
        return torch.nn.utils.parameters_to_vector(policy.network.parameters())

    first = learned(0, "numpy")
    assert torch.equal(first, learned(0, output))
    assert not torch.equal(first, learned(1, output))


def test_progress_counts_decisions():
    env = HaltingVectorEnv(
        4, model=Scripted(), puzzles=PUZZLES, max_segments=4, autoreset_mode="SameStep"
    )
    told: list[int] = []
    policy = act_q.learn(env, steps=21, seed=0, progress=told.append)
    assert told == [4] * 6  # whole steps of all slots
    assert policy.observation == "scalars" and policy.time_aware


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"autoreset_mode": "NextStep"}, 'needs autoreset_mode="SameStep"'),
        ({"reward": "token_accuracy"}, 'reward must be "exact", got "token_accuracy"'),
    ],
)
def test_unfit_environments_are_refused(arguments, message):
    settings = {"autoreset_mode": "SameStep", "max_segments": 4, **arguments}
    env = HaltingVectorEnv(2, model=Scripted(), puzzles=PUZZLES, **settings)
    with pytest.raises(ValueError, match=message):
        act_q.learn(env, steps=10, seed=0)
