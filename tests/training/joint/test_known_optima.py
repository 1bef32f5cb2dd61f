"""Learners of the joint regime on chains whose best policy is known, through their own interface.

What they see is whether the answer is right, and the segment. On bank A at step cost 0.02 the best
value is 0.7083, halting at right answers alone is worth 0.7002 and the best fixed number of segments
0.6141; on bank B, where right answers are lost, the best accuracy is 0.9066 and running to the end
0.694 (`test_belief`).
"""

from itertools import islice

import pytest
from chains import Run

from hrm_rl.agents.rules import rule
from hrm_rl.banks.synthetic import BANK_A, BANK_B, Chain
from hrm_rl.stopping.belief import full_observation
from hrm_rl.stopping.budget import solve
from hrm_rl.training.joint import JointLearner, Schedule, inference_rule
from hrm_rl.training.joint.a2c import A2C
from hrm_rl.training.joint.act_q import ActQ
from hrm_rl.training.joint.exact_pg import ExactPG
from hrm_rl.training.joint.graves import Graves
from hrm_rl.training.joint.halt_bce import HaltBCE
from hrm_rl.training.joint.ponder import Ponder
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.joint.prices import AfterAccuracy, Budget, Constant, Ramp


@pytest.mark.slow
@pytest.mark.parametrize(
    ("learner", "steps"),
    [(PPO(16), 1000), (A2C(16), 2500), (ExactPG(16), 1300)],
    ids=["ppo", "a2c", "exact_pg"],
)
def test_those_who_pay_learn_to_give_up(
    learner: JointLearner, steps: int, unchecked_shapes: None
) -> None:
    run = Run(learner, BANK_A, explore=0.0, schedule=Constant(0.02))
    list(islice(run, steps))
    found = run.outcome(rule("trm"), 0.02)
    assert found.value == pytest.approx(0.7083, abs=0.003)
    assert run.outcome(rule("sampled"), 0.02, stochastic=True).value > 0.695
    assert found.segments < 5.4  # 5.86 without giving up


# --- a price that knows when ----------------------------------------------------------------------

LATE = Chain(6, first=0.0, hazard=0.5)
"""Nothing is right after one segment: the best halts at the right answer, after 2.94 segments on average."""


def in_training(learner: JointLearner, schedule: Schedule, seed: int = 0, steps: int = 480) -> Run:
    """A model that only learns what it is made to think about for long."""
    run = Run(learner, LATE, 32, seed, lr=0.1, explore=0.0, schedule=schedule, practice=8000)
    list(islice(run, steps))
    return run


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_price_from_the_start_can_keep_a_model_from_learning(
    seed: int, unchecked_shapes: None
) -> None:
    """PPO halts at once while nothing is right yet, and then nothing ever becomes right."""
    run = in_training(PPO(6), Constant(0.1), seed)
    assert run.outcome(rule("sampled"), 0.1, stochastic=True).segments < 1.05
    assert run.practised < 0.5 * run.practice


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule", [AfterAccuracy(0.1, 0.5), Ramp(0.1, 300, 450)], ids=["after-accuracy", "ramp"]
)
@pytest.mark.parametrize("learner", [PPO(6), A2C(6), ExactPG(6)], ids=["ppo", "a2c", "exact_pg"])
def test_a_price_that_comes_late_does_not(
    learner: JointLearner, schedule: Schedule, unchecked_shapes: None
) -> None:
    run = in_training(learner, schedule, steps=640)
    assert run.practised > run.practice
    _, best = full_observation(LATE, 0.1)
    found = run.outcome(rule("sampled"), 0.1, stochastic=True)
    assert found.value == pytest.approx(best.value, abs=0.03)
    assert found.segments == pytest.approx(best.segments, abs=0.4)


@pytest.mark.slow
@pytest.mark.parametrize("learner", [PPO(16), A2C(16)], ids=["ppo", "a2c"])
def test_a_budget_is_kept_and_well_spent(learner: JointLearner, unchecked_shapes: None) -> None:
    """On bank A the best within 4 mean segments is right in 0.7455, at a multiplier of 0.0743."""
    run = Run(learner, BANK_A, explore=0.0, schedule=Budget(4.0, slots=64))
    list(islice(run, 900))
    before = len(run.lengths)
    list(islice(run, 300))
    late = run.lengths[before:]
    assert sum(late) / len(late) == pytest.approx(4.0, abs=0.25)
    found = run.outcome(rule("sampled"), 0.0, stochastic=True)
    best = solve(lambda cost: full_observation(BANK_A, cost), found.segments).mixture
    assert found.accuracy > best.accuracy - 0.02
    assert 0.01 < float(run.priced.price) < 0.15


# --- those who pay nothing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("learner", "kind", "steps", "lr"),
    [
        (ActQ(8, bootstrap="extra"), "act_q", 400, 0.02),
        (ActQ(8, bootstrap="delayed"), "act_q", 400, 0.02),
        (HaltBCE(), "halt_bce", 400, 0.02),
        (Ponder(8), "ponder", 400, 0.05),
        (Ponder(8, None), "ponder-uniform", 400, 0.05),
    ],
    ids=["act_q", "act_q, delayed", "halt_bce", "ponder", "ponder-uniform"],
)
def test_those_who_do_not_halt_at_right_answers(
    learner: JointLearner, kind: str, steps: int, lr: float, unchecked_shapes: None
) -> None:
    run = Run(learner, BANK_B, lr=lr)
    assert run.outcome(rule(inference_rule(kind)), 0.0).accuracy < 0.7
    list(islice(run, steps))
    assert run.outcome(rule(inference_rule(kind)), 0.0).accuracy == pytest.approx(0.9066, abs=0.003)


def test_graves_ends_where_one_right_answer_is_just_enough(unchecked_shapes: None) -> None:
    """Beyond h = 0.99 nothing pushes on: the halt comes at the right answer or one segment later."""
    run = Run(Graves(8), BANK_B, lr=0.2)
    assert run.outcome(rule("cumulative"), 0.0).accuracy < 0.7
    list(islice(run, 500))
    assert run.outcome(rule("cumulative-0.95"), 0.0).accuracy == pytest.approx(0.9066, abs=0.003)
    assert run.outcome(rule("cumulative"), 0.0).accuracy > 0.86  # 0.9 of 0.9066 is 0.816
    h_2M = (run.head.weight[0] + run.head.bias[0]).sigmoid().view(2, 8)[:, :-1]
    assert h_2M[0].max() < 0.01 and h_2M[1].min() > 0.97
