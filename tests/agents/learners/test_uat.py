"""The bandit over thresholds: its bound and first pulls by hand, the best arm, and no look at labels."""

from dataclasses import replace
from math import inf, log, sqrt

import pytest
import torch

from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.learners.uat import ARMS, bandit, played, ucb1
from hrm_rl.agents.rules.basic import QThreshold
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import bank_noisy
from hrm_rl.stopping.exact import outcome


def test_upper_confidence_bound_by_hand() -> None:
    assert ucb1(0.5, 4, 10) == pytest.approx(0.5 + sqrt(2 * log(10) / 4))
    assert ucb1(0.5, 4, 10, exploration=0) == 0.5
    assert ucb1(0.0, 0, 10) == inf


def test_what_arms_are_paid_by_hand() -> None:
    """P is 0.2, 0.6 and 0.9: 0.1 halts at once, 0.5 at 2, 0.6 not before 3, the end, for it is no more."""
    p_MP = torch.tensor([[0.2], [0.6], [0.9]], dtype=torch.float64)
    segment_AP, reward_AP = played(p_MP, 0.1, (0.1, 0.5, 0.6, 0.95))
    assert segment_AP[:, 0].tolist() == [1, 2, 3, 3]
    assert reward_AP[:, 0].tolist() == pytest.approx([0.2, 0.5, 0.7, 0.7])


def test_pulls_by_hand() -> None:
    """Arms that always pay 0.1 and 0.9, one decision each. After one pull of both the bounds differ by
    0.8; the worse arm is pulled again when 0.1 + sqrt(2 ln t) > 0.9 + sqrt(2 ln t / n)."""
    segment_AP = torch.ones(2, 3).long()
    reward_AP = torch.tensor([[0.1] * 3, [0.9] * 3])
    again = next(t for t in range(3, 99) if ucb1(0.1, 1, t) > ucb1(0.9, t - 1, t))
    for steps, worse in ((2, 1), (again, 1), (again + 1, 2)):
        mean, pulls = bandit(segment_AP, reward_AP, 4, steps=steps, seed=0)
        assert pulls == [worse, steps - worse] and mean == pytest.approx([0.1, 0.9])
    assert bandit(segment_AP, reward_AP, 4, steps=99, seed=0, exploration=0)[1] == [1, 98]


def test_a_pull_costs_its_decisions_and_the_forced_halt_is_none() -> None:
    """Of horizon 4: halting at 3 and at 4 are three decisions each, so 12 are four pulls."""
    for segment in (3, 4):
        _, pulls = bandit(torch.full((1, 5), segment), torch.zeros(1, 5), 4, steps=12, seed=0)
        assert pulls == [4]


def believing(puzzles: int, seed: int) -> Bank:
    """Noisy puzzles seen through P(right) given all scores so far: calibrated wherever one halts."""
    bank = bank_noisy(puzzles, seed=seed)
    belief_MP1 = bank.columns["belief"][..., :1].double().clamp(1e-9, 1 - 1e-9)
    return replace(bank, columns={"o": belief_MP1.logit()})


def test_finds_the_best_arm_where_p_is_calibrated() -> None:
    """By exact values of all arms on 20,000 puzzles."""
    fit, fresh = believing(2000, 1), believing(20_000, 2)
    values = {arm: outcome(fresh, QThreshold(arm, "o"), 0.02).value for arm in ARMS}
    for seed in (0, 1):
        env = play_on(fit, observation="o", step_cost=0.02)
        found = learner("uat")(env, steps=100_000, seed=seed)
        assert isinstance(found, QThreshold)
        assert values[found.threshold] >= max(values.values()) - 0.01
    assert max(values.values()) - min(values.values()) > 0.1


def test_no_label_is_looked_at() -> None:
    bank = bank_noisy(300, seed=1)
    flipped = replace(bank, correct_MP=~bank.correct_MP)
    found = [
        learner("uat")(play_on(one, observation="q", step_cost=0.01), steps=3000, seed=0)
        for one in (bank, flipped)
    ]
    assert found[0] == found[1]
