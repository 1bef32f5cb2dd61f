"""Learners by name: knobs, what they refuse, and the rules that read their heads at inference."""

from dataclasses import replace

import pytest
from tiny import tiny_run

from hrm_rl.agents.rules import name_of, rule
from hrm_rl.training.joint import (
    INFERENCE,
    LEARNERS,
    Schedule,
    inference_rule,
    joint_learner,
    pricing,
)
from hrm_rl.training.joint.a2c import A2C
from hrm_rl.training.joint.act_q import ActQ
from hrm_rl.training.joint.exact_pg import ExactPG
from hrm_rl.training.joint.graves import Graves
from hrm_rl.training.joint.halt_bce import HaltBCE
from hrm_rl.training.joint.learner import JointLearner
from hrm_rl.training.joint.ponder import Ponder
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.joint.prices import AfterAccuracy, Budget, Constant, Ramp
from hrm_rl.training.joint.residual import Residual
from hrm_rl.training.joint.schedules import Fixed, Random


@pytest.mark.parametrize(
    ("name", "learner", "explores"),
    [
        ("act_q", ActQ(3, bootstrap="extra"), True),
        ("halt_bce", HaltBCE(), True),
        ("ponder", Ponder(3, 0.2), False),
        ("ponder-uniform", Ponder(3, None), False),
        ("graves", Graves(3), False),
        ("exact_pg", ExactPG(3), False),
        ("ppo", PPO(3), True),
        ("a2c", A2C(3), True),
        ("fixed", Fixed(3), False),
        ("fixed-2", Fixed(2), False),
        ("random-1:5:3", Random((1, 5, 3)), False),
        ("random-0:0.5", Random((0, 0.5)), False),
        ("residual", Residual(0.03), True),
        ("residual-5e-2", Residual(0.05), True),
    ],
)
def test_names(name: str, learner: JointLearner, explores: bool) -> None:
    found = joint_learner(tiny_run(halting=name))
    assert found == learner and found.explores == explores


@pytest.mark.parametrize(
    ("price", "schedule"),
    [
        ("constant", Constant(0.02)),
        ("after-accuracy:0.5", AfterAccuracy(0.02, 0.5)),
        ("ramp:800:1600", Ramp(0.02, 800, 1600)),
        ("ramp:8e2:800", Ramp(0.02, 800, 800)),
        ("budget:2.5", Budget(2.5, slots=4, start=0.02)),
    ],
)
def test_prices_by_name(price: str, schedule: Schedule) -> None:
    for name in ("ppo", "a2c", "exact_pg", "external"):
        assert pricing(tiny_run(halting=name, step_cost=0.02, price=price)) == schedule


def test_settings_of_actor_critics_reach_them() -> None:
    config = tiny_run(halting="a2c", entropy_floor=0.1, normalise_advantages=True)
    assert joint_learner(config) == A2C(3, entropy_floor=0.1, normalise=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"halting": "dqn"}, "halting must be one of act_q, halt_bce, ponder, .*, got 'dqn'"),
        ({"halting": ""}, "halting must be one of .*, got ''"),
        ({"halting": "ppo-2"}, "halting is 'ppo-2', and ppo takes no knob; write halting=\"ppo\""),
        ({"halting": "act_q-"}, "act_q takes no knob"),
        ({"halting": "ponder-flat"}, "knob of ponder is its prior: ponder or ponder-uniform"),
        ({"halting": "fixed-0"}, "'fixed-0'; the knob of fixed .* from 1 to max_segments, 3"),
        ({"halting": "fixed-4"}, "'fixed-4'; the knob of fixed .* from 1 to max_segments, 3"),
        ({"halting": "fixed-1.5"}, "the knob of fixed is a number of segments"),
        ({"halting": "random"}, "the knob of random is how often"),
        ({"halting": "random-1:x"}, "the knob of random is how often"),
        ({"halting": "random-0:0"}, "that are not all 0: random-1:5:3:2"),
        ({"halting": "random-1:-1"}, "numbers >= 0"),
        ({"halting": "random-1:1:1:1"}, r"at most max_segments \(3\) numbers"),
        ({"halting": "residual-0"}, "the knob of residual is a relative change > 0"),
        ({"halting": "residual-nan"}, "the knob of residual is a relative change > 0"),
        ({"step_cost": -0.1, "halting": "ppo"}, "step_cost must be a finite number >= 0, got -0.1"),
        ({"step_cost": 0.1}, "act_q pays no step cost: a Q that is a probability cannot be"),
        ({"step_cost": 0.1, "halting": "halt_bce"}, "halt_bce pays no step cost: a Q that is"),
        ({"step_cost": 0.1, "halting": "fixed-2"}, "fixed pays no step cost; leave step_cost at 0"),
        ({"price": "budget:2"}, "act_q pays for no segments, got price 'budget:2'; leave it out"),
        ({"price": "free", "halting": "ppo"}, "price must be \"constant\", .*, got 'free'"),
        (
            {"price": "constant:1", "halting": "ppo"},
            'price must be "constant", "after-accuracy:0.5"',
        ),
        ({"price": "ramp:1", "halting": "ppo"}, "price must be .*, got 'ramp:1'"),
        ({"price": "ramp:1:x", "halting": "ppo"}, "price must be .*, in numbers, got 'ramp:1:x'"),
        ({"price": 4.0, "halting": "ppo"}, "price must be a text, got 4.0"),
        (
            {"price": "ramp:1:9", "halting": "ppo"},
            "says when step_cost is charged, and step_cost is 0",
        ),
        (
            {"price": "after-accuracy:0.5", "halting": "a2c"},
            "step_cost is 0; give one, such as 0.01",
        ),
        (
            {"price": "after-accuracy:1", "halting": "ppo", "step_cost": 0.1},
            r'accuracy of price "after-accuracy" must be a finite number between 0 and 1',
        ),
        (
            {"price": "ramp:9:8", "halting": "ppo", "step_cost": 0.1},
            'last step of price "ramp" must be a whole number >= 9, got 8',
        ),
        (
            {"price": "ramp:1.5:8", "halting": "ppo", "step_cost": 0.1},
            'first step of price "ramp" must be a whole number in 0.*, got 1.5',
        ),
        ({"price": "budget:4", "halting": "ppo"}, 'target of price "budget" must .* 1..3, got 4.0'),
        ({"price": "budget:nan", "halting": "ppo"}, 'target of price "budget" must be a finite'),
        (
            {"price": "budget:2", "halting": "ppo", "step_cost": 2},
            r"step_cost must be a finite number in 0\.\.1, got 2",
        ),
        (
            {"entropy_floor": 0.1, "halting": "exact_pg"},
            "are for ppo and a2c, and halting is 'exact_",
        ),
        ({"normalise_advantages": True}, "are for ppo and a2c, and halting is 'act_q'; leave them"),
        (
            {"entropy_floor": 0.6, "halting": "ppo"},
            "entropy_floor must be a finite number in 0..0.58",
        ),
        (
            {"normalise_advantages": 1, "halting": "ppo"},
            "normalise_advantages must be True or False",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as error:
        tiny_run(**changes)
    assert "\n" not in str(error.value)


def test_every_learner_has_a_rule_that_reads_its_head() -> None:
    assert INFERENCE.keys() == LEARNERS.keys()
    for name in INFERENCE.values():
        assert rule(name)


@pytest.mark.parametrize(
    ("halting", "expected"),
    [
        ("act_q", "q"),
        ("ppo", "trm"),
        ("ponder-uniform", "trm"),
        ("graves", "cumulative"),
        ("fixed-8", "fixed-8"),
        ("fixed", "fixed"),
        ("residual-0.05", "residual-0.05"),
        ("random-1:2", "fixed"),
    ],
)
def test_rules_keep_the_knobs_that_they_share(halting: str, expected: str) -> None:
    assert inference_rule(halting) == expected
    assert name_of(rule(expected)).startswith(expected)


def test_rules_start_from_the_knobs_that_learners_have() -> None:
    config = tiny_run(halting="residual")
    assert rule(inference_rule("residual")).knob == joint_learner(config).knob
    whole = joint_learner(replace(config, halting="fixed", max_segments=16))
    assert rule(inference_rule("fixed")).segments == whole.segments
